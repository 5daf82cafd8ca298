"""The installer's words: complete in both languages, none unused, and pip's troubles told apart."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest

from installer import packages, say

INSTALLER = Path(say.__file__).parent
TEXTS: dict[str, dict[str, str]] = json.loads(say.TEXTS.read_text(encoding="utf-8"))
CODE = "\n".join(file.read_text(encoding="utf-8") for file in INSTALLER.glob("*.py"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_the_same(key: str) -> None:
    words = TEXTS[key]
    assert words.keys() == {"en", "zh"}
    assert placeholders(words["en"]) == placeholders(words["zh"])
    assert re.search(r"[\u4e00-\u9fff]", words["zh"]) or placeholders(words["zh"])
    assert not re.search(r"[\u4e00-\u9fff]", words["en"].replace("红苹果", ""))


def test_every_word_is_used_and_every_used_one_is_there() -> None:
    direct = set(re.findall(r"\"((?:step|note|help|progress|uninstall)\.[a-z.]+|interrupted)\"", CODE))
    direct |= set(re.findall(r"(?:t|words|ask)\(\"(bundle\.[a-z.]+)\"", CODE))
    codes = set(re.findall(r"Problem\(\s*\"([a-z.]+)\"", CODE))
    codes |= set(re.findall(r"\"(venv|venv\.ensurepip)\"(?= (?:if|else|$)|\n)", CODE))
    codes |= {code for _, code in packages._CAUSES} | {"pip"}
    problems = {f"problem.{code}" for code in codes} | {f"problem.{code}.do" for code in codes}
    assert direct | problems == TEXTS.keys()


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh_CN.UTF-8", "zh"), ("zh_TW.UTF-8", "zh"), ("de_DE.UTF-8", "en"), ("C.UTF-8", "en"), ("POSIX", "en")],
)
def test_language_follows_the_locale(monkeypatch: pytest.MonkeyPatch, locale: str, language: str) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", locale)
    monkeypatch.setattr(say.sys, "platform", "linux")
    say.language.cache_clear()
    try:
        assert say.language() == language
    finally:
        say.language.cache_clear()


def test_a_problem_ends_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: list[str]) -> int:
        raise say.Problem("disk", folder="/here", free="1.2", needed="5")

    def broken_off(_: list[str]) -> int:
        raise KeyboardInterrupt

    assert say.guard(fails, []) == 1
    what, remedy = capsys.readouterr().err.splitlines()
    assert what.startswith("✗")
    assert "1.2 GB" in what
    assert remedy.strip().startswith("→")
    assert say.guard(broken_off, []) == 130


RETRYING = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/q/"
)
NOTHING = "ERROR: Could not find a version that satisfies the requirement q (from versions: none)"


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk.full",
        ),
        (f"{RETRYING}\n{NOTHING}", "pip.network"),
        (NOTHING, "pip.nothing"),
        ("ERROR: ResolutionImpossible: for help visit the documentation", "pip.conflict"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "pip.hash"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "pip.certificate"),
        (f"There was a problem confirming the ssl certificate: x\n{NOTHING}", "pip.certificate"),
        ("ERROR: HTTP error 401\n401 Client Error: Unauthorized for url", "pip.access"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied",
            "pip.permission",
        ),
        ("Traceback (most recent call last): surprise", "pip"),
    ],
)
def test_pip_troubles_are_told_apart(output: str, code: str) -> None:
    assert packages.diagnose(output) == code
    assert f"problem.{code}" in TEXTS


def test_last_words_are_pips_errors() -> None:
    output = "Collecting a\nERROR: first\nnoise\nERROR: second\nERROR: third\n"
    assert packages.last_words(output) == "second / third"
    assert packages.last_words("Traceback\nValueError: x\n") == "ValueError: x"
    assert packages.last_words("") == "?"


def test_names_of_requirements() -> None:
    assert packages.name_of("PySide6>=6.8,<6.12") == "pyside6"
    assert packages.name_of("huggingface_hub>=2") == "huggingface-hub"
    assert packages.name_of("pyright[nodejs]>=1") == "pyright"
