"""What the doctor's findings are, and that all of them have words."""

from __future__ import annotations

import re

import pytest

from studio.domain.diagnosis import Diagnosis, Finding, State, fail, passed, skipped, warn
from studio.domain.text import LANGUAGES, catalogue, set_language
from studio.services.doctor import CHECKS, FIXES


def test_every_check_theme_state_and_action_has_words_in_both_languages() -> None:
    wanted = [f"doctor.title.{key}" for key in CHECKS]
    wanted += [f"doctor.theme.{key.partition('.')[0]}" for key in CHECKS]
    wanted += [f"doctor.state.{state.value}" for state in State]
    wanted += [f"doctor.action.{action}" for action in FIXES]
    for language in LANGUAGES:
        assert [key for key in wanted if not catalogue(language).get(key)] == []
    assert len(CHECKS) >= 30


def test_a_reason_is_said_in_the_language_of_now() -> None:
    finding = warn(
        "doctor.hardware.unusable",
        "machine.fix.newer_driver",
        name="Card",
        reason="machine.reason.old_driver",
        driver="470.74",
        torch="2.13",
        cuda="12.8",
        needed="525.60",
    )
    assert finding.why == (
        "Card cannot be used: Its driver 470.74 is older than torch 2.13 needs (CUDA 12.8: 525.60)."
    )
    assert finding.how == "Update the driver to 525.60 or later."
    set_language("zh_CN")
    assert re.search("[一-鿿]", finding.why)
    assert "470.74" in finding.why


@pytest.mark.parametrize("words", ["CUDA error: {0} no kernel {", "100 %", "{name}"])
def test_a_library_s_own_words_are_no_template(words: str) -> None:
    assert fail(words, name="x").why == words
    assert fail("doctor.hardware.unusable", name="Card", reason=words).why.endswith(words)


def test_what_is_wrong_comes_first() -> None:
    findings = (passed("a"), skipped("b"), fail("c"), warn("d"), fail("e"))
    diagnosis = Diagnosis(findings=findings, taken=0.0, seconds=0.0)
    assert [finding.reason for finding in diagnosis.worst_first()] == ["c", "e", "d", "b", "a"]
    assert diagnosis.failed
    assert [diagnosis.count(state) for state in State] == [2, 1, 1, 1]
    assert not Diagnosis(findings=findings[:2], taken=0.0, seconds=0.0).failed


def test_a_finding_knows_its_theme_and_title() -> None:
    finding = Finding(state=State.PASS, reason="doctor.no_models", key="disks.space")
    assert (finding.theme, finding.title) == ("disks", "Free space")
