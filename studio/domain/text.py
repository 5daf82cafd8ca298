"""The one catalogue of words, in every language, without Qt.

Keys live in `assets/translations/<area>.<language>.json` and in each family's own
`text.<language>.json`. The files are read once per language, on first use.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

LANGUAGES = ("en", "zh_CN")
_ROOT = Path(__file__).resolve().parents[2]
_language = "en"


def set_language(language: str) -> None:
    """Use *language* (one of `LANGUAGES`) for every later `t`. Raises ValueError for another."""
    if language not in LANGUAGES:
        raise ValueError(f"unknown language: {language}")
    global _language
    _language = language


def language() -> str:
    return _language


def language_of_locale(name: str) -> str:
    """The catalogue language for a locale name such as `zh_TW.UTF-8`; English when unsure."""
    return "zh_CN" if name.lower().startswith("zh") else "en"


def t(key: str, /, **values: object) -> str:
    """The words for *key* in the current language, with `{name}` placeholders filled.

    A key that has no words is returned as it stands, so that text which comes from data (a
    voice's name) may pass through; a test checks that every key in the code exists.
    """
    words = catalogue(_language).get(key)
    if words is None:
        words = catalogue("en").get(key, key)
    return words.format_map(_Given(values)) if values else words


class _Given(dict[str, object]):
    """A value that nobody gave leaves its placeholder standing: text about a failure must not fail."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def localized(words: dict[str, str]) -> str:
    """The current language's entry of a `{language: words}` table from a manifest; else English, else any."""
    return words.get(_language) or words.get("en") or next(iter(words.values()), "")


def catalogue_files(language: str) -> list[Path]:
    shared = sorted((_ROOT / "assets" / "translations").glob(f"*.{language}.json"))
    return shared + sorted((_ROOT / "studio" / "families").glob(f"*/text.{language}.json"))


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every key and its words in *language*. Raises ValueError when two files hold the same key."""
    words: dict[str, str] = {}
    for file in catalogue_files(language):
        entries: dict[str, str] = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
        twice = words.keys() & entries.keys()
        if twice:
            raise ValueError(f"{file.name} repeats {sorted(twice)}")
        words.update(entries)
    return words
