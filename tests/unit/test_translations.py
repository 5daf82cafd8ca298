"""Both languages say the same things with the same placeholders; no text is missing, none is left over."""

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.domain.failure import CODES
from studio.domain.text import LANGUAGES, catalogue, catalogue_files
from studio.families.registry import families

ROOT = Path(__file__).resolve().parents[2]
KEY = re.compile(r"[a-z][a-z_0-9]*(\.[a-z0-9_]+)+")


def _placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def _areas() -> set[str]:
    return {file.name.split(".")[0] for file in (ROOT / "assets" / "translations").glob("*.json")}


@pytest.mark.parametrize("area", sorted(_areas()))
def test_an_area_has_the_same_keys_in_both_languages(area):
    folder = ROOT / "assets" / "translations"
    files = [json.loads((folder / f"{area}.{language}.json").read_text("utf-8")) for language in LANGUAGES]
    assert files[0].keys() == files[1].keys()


def test_placeholders_are_the_same():
    english, chinese = catalogue("en"), catalogue("zh_CN")
    assert english.keys() == chinese.keys()
    different = [key for key in english if _placeholders(english[key]) != _placeholders(chinese[key])]
    assert different == []


def test_chinese_is_chinese():
    """A text left in English would pass every other check; names and units may stay as they are."""
    english, chinese = catalogue("en"), catalogue("zh_CN")
    titles = {spec.title_key for spec in families().values()}
    same = [
        key
        for key in english.keys() - titles
        if english[key] == chinese[key] and len(re.sub(r"\{.*?\}|[^A-Za-z]", "", english[key])) > 12
    ]
    assert same == []


def test_every_failure_has_words_and_a_hint():
    words = catalogue("en")
    assert [code for code in CODES if f"failure.{code}" not in words] == []
    assert [code for code in CODES if f"failure.{code}.hint" not in words] == []


def test_every_parameter_and_phase_has_words():
    words = catalogue("en")
    for spec in families().values():
        missing = [p.label_key for p in spec.parameters if p.label_key not in words]
        missing += [f"phase.{phase}" for phase in spec.phases if f"phase.{phase}" not in words]
        missing += [spec.title_key] if spec.title_key not in words else []
        assert missing == [], spec.name


# --- against the code ---------------------------------------------------------------------------------


def _literals() -> Iterator[tuple[str, re.Pattern[str] | None]]:
    """(a string in the code, None) and ("", the shape of an f-string)."""
    for file in sorted((ROOT / "studio").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value, None
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    re.escape(part.value) if isinstance(part, ast.Constant) else r"[a-z0-9_.]+"
                    for part in node.values
                )
                yield "", re.compile("".join(parts))


LITERALS = list(_literals())
STRINGS = {literal for literal, shape in LITERALS if shape is None}
SHAPES = [shape for _, shape in LITERALS if shape is not None and "\\." in shape.pattern]
# Read by a name made from data: a parameter's or a choice's, found through its label.
DERIVED = re.compile(r"(parameter|family|failure|phase|task|language)\.|.*\.(term|help|value|placeholder)$")


def test_no_text_is_left_over():
    left = [
        key
        for key in catalogue("en")
        if key not in STRINGS and not DERIVED.match(key) and not any(shape.fullmatch(key) for shape in SHAPES)
    ]
    assert left == []


def test_no_text_is_missing():
    """A string in the code that begins like a key of an area must be one."""
    words = catalogue("en")
    areas = {key.split(".")[0] for key in words}
    files = {file.name for language in LANGUAGES for file in catalogue_files(language)}
    known = {"studio", "models", "app", "frame"} | files
    suspects = {
        literal
        for literal in STRINGS
        if KEY.fullmatch(literal) and literal.split(".")[0] in areas - known and literal not in words
    }
    allowed = {literal for literal in suspects if any(key.startswith(f"{literal}.") for key in words)}
    allowed |= set(CODES) | {literal for literal in suspects if literal.endswith((".json", ".db", ".log"))}
    assert sorted(suspects - allowed) == []


def test_the_checks_can_fail():
    assert _placeholders("{a} and {b}") != _placeholders("{a}")
    assert "no.such.key" not in STRINGS
    assert not DERIVED.match("draw.nothing")
