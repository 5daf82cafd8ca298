"""The words of the domain: complete in both languages, with the same placeholders."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from studio.domain import text
from studio.domain.failure import CODES, Failure, StudioError

STUDIO = Path(text.__file__).parents[1]
PARAMETER_SOURCE = (STUDIO / "domain" / "parameter.py").read_text(encoding="utf-8")


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_every_failure_says_what_happened_and_what_to_do(code: str, language: str) -> None:
    words = text.catalogue(language)
    assert words[f"failure.{code}"].strip()
    assert words[f"failure.{code}.hint"].strip()


@pytest.mark.parametrize("code", CODES)
def test_a_failure_s_texts_use_the_values_it_carries(code: str) -> None:
    words = text.catalogue("en")
    used = placeholders(words[f"failure.{code}"]) | placeholders(words[f"failure.{code}.hint"])
    assert used == set(CODES[code])


def test_wherever_a_failure_is_made_it_gets_its_values() -> None:
    made = list(failures_made())
    assert len(made) > 40
    for place, code, values in made:
        assert code in CODES, place
        assert values >= set(CODES[code]), place


def failures_made() -> Iterator[tuple[str, str, set[str]]]:
    """Every `StudioError("code", name=...)` and `Failure(code="code", values={...})` that can be read."""
    for file in sorted(STUDIO.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            place = f"{file.relative_to(STUDIO)}:{node.lineno}"
            match node.func.id, node.args, keywords:
                case "StudioError", [ast.Constant(value=str(code))], _ if None not in keywords:
                    yield place, code, {name for name in keywords if name}
                case "Failure", [], {"code": ast.Constant(value=str(code)), "values": ast.Dict(keys=names)}:
                    yield place, code, {name.value for name in names if isinstance(name, ast.Constant)}
                case "Failure", [], {"code": ast.Constant(value=str(code))} if "values" not in keywords:
                    yield place, code, set()


def test_no_text_for_a_code_that_does_not_exist() -> None:
    keys = {key.removesuffix(".hint") for key in text.catalogue("en") if key.startswith("failure.")}
    assert keys == {f"failure.{code}" for code in CODES}


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, chinese = text.catalogue("en"), text.catalogue("zh_CN")
    assert english.keys() == chinese.keys()
    for key, words in english.items():
        assert placeholders(words) == placeholders(chinese[key]), key


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_every_reason_that_a_parameter_gives_has_words(language: str) -> None:
    reasons = set(re.findall(r'ParameterError\(\s*self,\s*"(\w+)"', PARAMETER_SOURCE))
    assert len(reasons) >= 10
    for reason in reasons:
        assert f"parameter.invalid.{reason}" in text.catalogue(language)


def test_a_failure_whose_values_are_incomplete_still_has_a_message() -> None:
    failure = Failure(code="model.missing_file", values={"name": "poet"})
    assert "poet" in failure.message
    assert "{file}" in failure.message
    assert "poet" in str(StudioError("model.missing_file", name="poet"))
