"""A chat template that loops is refused, and neither holds the engine nor outlives a cancel."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.families.gguf_text import template
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_text import TEMPLATE, write_gguf

LOOPING = {
    "a long range": "{% for i in range(10000000000) %}{% endfor %}",
    "nested": "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
    "only without a system": (
        "{% if messages[0].role == 'user' %}"
        "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}{% endif %}"
    ),
    "only when it takes no system": (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "{% for i in range(10000000000) %}{% endfor %}"
    ),
    "text without end": "{{ 'a' * 100000000000 }}",
}
FINE = {
    "ours": TEMPLATE,
    "long": TEMPLATE + "{# a comment longer than a pipe holds #}" * 20_000,
    "no template at all": "{% if",
    "a function that only llama.cpp knows": "{{ strftime_now('%Y') }}" + TEMPLATE,
    "says no to a system": "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}",
    "stops its loop": "{% for m in messages %}{% break %}{% endfor %}",
    "calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
}


def nothing() -> None:
    pass


@pytest.mark.parametrize("words", LOOPING.values(), ids=LOOPING)
def test_one_that_loops_is_found(words: str) -> None:
    assert not template.ends(words, nothing)


@pytest.mark.parametrize("words", FINE.values(), ids=FINE)
def test_one_that_ends_is_let_through(words: str) -> None:
    assert template.ends(words, nothing)


def test_a_trial_that_blocks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "WALL_SECONDS", 0.0)
    assert not template.ends(TEMPLATE, nothing)


def test_a_model_with_one_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "loop.gguf", template=TEMPLATE + LOOPING["nested"])
    with pytest.raises(StudioError) as caught:
        Bench("gguf_text", path, tmp_path / "outputs").run(prompt="hello", max_tokens=3)
    assert caught.value.failure.code == "model.unrecognized"
    assert "template" in caught.value.failure.details


def test_a_cancel_ends_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "LOOK_SECONDS", 0.01)

    def stopped() -> None:
        raise Cancelled

    began = time.monotonic()
    with pytest.raises(Cancelled):
        template.ends(LOOPING["nested"], stopped)
    assert time.monotonic() - began < 20
