"""Which languages a text can be in, as far as its letters tell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

HAN, KANA, HANGUL, LATIN = "han", "kana", "hangul", "latin"
# The script of each language that is not written in Latin letters, by its ISO 639 codes.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "zh cmn yue wuu": (HAN,),
    "hak nan": (HAN, LATIN),
    "ja jpn": (HAN, KANA),
    "ko kor": (HANGUL, HAN),
    "ru rus uk ukr be bel bg bul mk mkd kk kaz ky kir mn mon tg tgk tt tat": ("cyrillic",),
    "sr srp": ("cyrillic", LATIN),
    "el ell": ("greek",),
    "ar ara fa fas ur urd ps pus ug uig": ("arabic",),
    "he heb yi yid": ("hebrew",),
    "hi hin mr mar ne nep sa san": ("devanagari",),
    "bn ben as asm": ("bengali",),
    "ta tam": ("tamil",),
    "te tel": ("telugu",),
    "th tha": ("thai",),
    "km khm": ("khmer",),
    "lo lao": ("lao",),
    "my mya": ("myanmar",),
    "ka kat": ("georgian",),
    "hy hye": ("armenian",),
    "am amh ti tir": ("ethiopic",),
}
BY_LANGUAGE = {code: scripts for codes, scripts in SCRIPTS.items() for code in codes.split()}
# How a script's letters are called in Unicode, and which script or language it is called in our words.
NAMES = {"cjk": HAN, "ideographic": HAN, "hiragana": KANA, "katakana": KANA, "katakana-hiragana": KANA}
LANGUAGES = {HAN: "zh", KANA: "ja", HANGUL: "ko"}


def scripts_of(languages: Iterable[str]) -> set[str]:
    """The scripts that *languages*, given as "en", "zh-CN" or "jpn", are written in."""
    codes = (re.split(r"[-_]", language.lower())[0] for language in languages)
    return {known for code in codes for known in BY_LANGUAGE.get(code, (LATIN,))}


@cache
def script(character: str) -> str | None:
    """The script of a letter in lower case ("latin", "han"); None for what is not a letter."""
    if not unicodedata.category(character).startswith("L"):
        return None
    name = unicodedata.name(character, "").partition(" ")[0].lower()
    return NAMES.get(name, name)


def language_of(text: str) -> str | None:
    """The language that *text* is mostly written in, "zh", "ja" or "ko"; None without letters.

    A script that many languages share gives its name ("latin", "cyrillic").
    """
    counts = _scripts(text)
    if not counts:
        return None
    if counts.get(KANA, 0) and HAN in counts:
        return "ja"
    found = max(counts, key=counts.__getitem__)
    return LANGUAGES.get(found, found)


def foreign_language(text: str, able: set[str]) -> str | None:
    """The language of the first script in *text* that is not in *able*, named as by `language_of`; else None.

    A single foreign symbol (π) is passed over, and so are Latin words within another script.
    """
    counts = _scripts(text)
    latin_passes = counts.get(LATIN, 0) < sum(counts.values()) / 2
    before = None
    for found in _letters(text):
        if found and found not in able and not (found == LATIN and latin_passes):
            alone = found not in (LATIN, HAN, KANA, HANGUL) and found != before
            if not alone:
                return "ja" if found == HAN and KANA in counts else LANGUAGES.get(found, found)
        before = found
    return None


def _scripts(text: str) -> dict[str, int]:
    """How many words *text* has in each script; a Chinese or Japanese character counts as one."""
    counts: dict[str, int] = {}
    before = None
    for found in _letters(text):
        if found and (found != before or found in (HAN, KANA)):
            counts[found] = counts.get(found, 0) + 1
        before = found
    return counts


def _letters(text: str) -> Iterator[str | None]:
    """The script of each character; vowel signs and accents of their own belong to the letter before."""
    for character in unicodedata.normalize("NFKC", text):
        if not unicodedata.category(character).startswith("M"):
            yield script(character)
