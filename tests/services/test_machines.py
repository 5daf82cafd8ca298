"""39 other computers: read as their logs say, and never wrongly when the logs are spoilt."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from studio.services.machine import amd, cgroups, cpu, lscpu, memory, nvidia, pci
from tests.services.machines import NAMES, SPOILS, differences, facts, load, replay, spoilt, wrong

FIXTURES = {name: load(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_computer_is_read_as_its_log_says(name: str) -> None:
    fixture = FIXTURES[name]
    assert differences(fixture["expected"], facts(replay(fixture["readings"]))) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_spoilt_log_gives_what_is_true_or_nothing(name: str) -> None:
    readings = FIXTURES[name]["readings"]
    whole = facts(replay(readings))
    for number, spoil in enumerate(SPOILS):
        found = wrong(whole, facts(replay(spoilt(readings, spoil, f"{name} {number}"))))
        assert found == [], spoil.__name__


def test_they_are_of_many_kinds_and_say_where_they_come_from() -> None:
    public = [f for f in FIXTURES.values() if "source" in f]
    assert len(FIXTURES) >= 30
    assert len(public) >= 18
    for name, fixture in FIXTURES.items():
        assert fixture["date"], name
        assert fixture["about"], name
        if "source" in fixture:
            assert re.match(r"https://\S+/[0-9a-f]{40}/\S+$", fixture["source"]), name
            told = {*fixture["verbatim"], *fixture["derived"]}
            assert fixture["verbatim"] or fixture["log"], name
            assert set(fixture["readings"]) <= told, name
        else:
            assert len(fixture["documentation"]) > 20, name
    cards = [card for f in FIXTURES.values() for card in f["expected"].get("accelerators", ())]
    assert {card["kind"] for card in cards} == {"cuda", "rocm", "xpu", "mps", "npu", "tpu", "fpga"}
    assert {"linux", "darwin", "win32"} == {f["readings"]["system"]["system"] for f in FIXTURES.values()}


# --- the check can fail -----------------------------------------------------------------------------


def _first_number(text: str | None, *_: object) -> int | None:
    found = re.search(r"\d+", text or "")
    return int(found[0]) if found else None


def _in_some_unit(text: str | None) -> int | None:
    number = _first_number(text)
    return number * 2**20 if number else None


CARELESS: dict[str, Callable[..., Any]] = {
    "whole": _first_number,
    "decimal": _first_number,
    "binary": _in_some_unit,
    "kilobytes": lambda text: (_first_number(text) or 0) * 1024,
    "lines": lambda text: (text or "").splitlines(),
    "count": lambda given, *_: _first_number(str(given)),
}


@pytest.mark.parametrize("careless", CARELESS)
def test_a_careless_reader_is_caught(careless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {name: facts(replay(fixture["readings"])) for name, fixture in FIXTURES.items()}
    for module in (amd, cgroups, cpu, lscpu, memory, nvidia, pci):
        if hasattr(module, careless):
            monkeypatch.setattr(module, careless, CARELESS[careless])
    caught = 0
    for name in ("wsl2-laptop", "board-raspberry-pi-4", "mac-m4-max", "pc-gt-1030", "cloud-gh200"):
        for seed in range(30):
            for spoil in SPOILS:
                readings = spoilt(FIXTURES[name]["readings"], spoil, seed)
                caught += bool(wrong(whole[name], facts(replay(readings))))
        if caught:
            return
    raise AssertionError("nothing that a careless reader says was found to be wrong")


def test_the_comparison_can_fail() -> None:
    whole = facts(replay(FIXTURES["pc-gt-1030"]["readings"]))
    assert differences({"cpu": {"name": "another"}}, whole) != []
    assert differences({"accelerators": []}, whole) != []
    assert wrong(whole, {**whole, "ram": {"total_bytes": 1}}) != []
    assert wrong(whole, {**whole, "accelerators": whole["accelerators"] * 2}) != []
    assert wrong(whole, {**whole, "accelerators": []}) == []


# --- what may never be wrong ------------------------------------------------------------------------


def test_a_limited_container_never_sees_its_host() -> None:
    """Nor when one of the files that say so cannot be read."""
    for name, most, cores in (("container-cgroup-2", 2**29, 2), ("container-cgroup-1", 2**31, 2)):
        readings = FIXTURES[name]["readings"]
        files = [key for key in readings if "cgroup" in key or "mountinfo" in key]
        for key in files:
            for text in ("", "\n", "garbage\n", readings[key], readings[key][:-1]):
                machine = replay({**readings, key: text})
                ram, logical = machine.ram, machine.cpu.logical_cores
                assert ram.total_bytes is None or ram.total_bytes <= most, (key, text)
                assert ram.available_bytes is None or ram.available_bytes <= most, (key, text)
                if "memory" not in key:
                    assert logical is None or logical <= cores, (key, text)
        limits = replay(readings).limits
        assert limits.limited
        assert limits.container


def test_what_is_there_and_cannot_be_used_is_shown_with_its_reason() -> None:
    for name, fixture in FIXTURES.items():
        machine = replay(fixture["readings"])
        for card in machine.accelerators:
            assert card.present, name
            assert (card.usable is False) == bool(card.reason), (name, card)
            assert card.usable is not False or card.device is None, (name, card)
            assert not re.search(r"machine\.\w+\.|[{}]", card.why + card.how), (name, card)


def test_a_card_is_chosen_before_graphics_in_the_processor() -> None:
    seen = 0
    for name, fixture in FIXTURES.items():
        machine = replay(fixture["readings"])
        able = [card for card in machine.accelerators if card.device and card.usable is not False]
        kinds = {card.integrated for card in able}
        if kinds == {True, False}:
            seen += 1
            chosen = facts(machine)["preferred"]
            assert next(card for card in able if card.name == chosen).integrated is False, name
    assert seen >= 4
