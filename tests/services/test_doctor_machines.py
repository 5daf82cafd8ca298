"""The doctor on the 39 computers that there is a log of: what it may never get wrong, and what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from studio.domain.diagnosis import Finding, State
from studio.domain.machine import Machine, TorchBuild, preferred
from studio.domain.text import set_language
from studio.domain.usability import TORCH_KINDS
from studio.services.doctor import run
from studio.services.doctor.case import Need, Place
from studio.services.machine import tried
from studio.wire.messages import DeviceState
from tests.services.cases import CPU, GB, case
from tests.services.machines import NAMES, load, replay

CUDA_128 = TorchBuild(
    version="2.13.0+cu128",
    cuda="12.8",
    architectures=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"),
)
ROCM = TorchBuild(version="2.13.0+rocm7", hip="7.0", architectures=("gfx1100", "gfx1151"))
BUILDS = {"cpu": CPU, "cuda": CUDA_128, "rocm": ROCM}


def seen(name: str, build: TorchBuild, *, working: bool = True) -> Machine:
    """The computer with what an engine with that *build* would have found."""
    machine = replay(load(name)["readings"])
    devices = [
        DeviceState(
            device=card.device, name=card.name, usable=working, reason="" if working else "device.hung"
        )
        for card in machine.accelerators
        if card.device and card.kind == build.kind
    ]
    return tried(machine, devices, build)


def diagnose(tmp_path: Path, name: str, build: TorchBuild, **changes: Any) -> list[Finding]:
    machine = changes.pop("machine", None) or seen(name, build)
    system = load(name)["readings"]["system"]["system"]
    usual: dict[str, Any] = {
        "places": tuple(Place(roles=("models", "data"), disk=disk) for disk in machine.disks),
        "platform": system,
        "environment": {"HOME": "/home/me"},
    }
    return list(run(case(tmp_path / "h", machine=machine, build=build, **{**usual, **changes})))


def of(found: list[Finding], key: str) -> list[Finding]:
    return [finding for finding in found if finding.key == key]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("name", NAMES)
def test_every_computer_is_judged_in_whole_words(tmp_path: Path, name: str, language: str) -> None:
    set_language(language)
    for build in BUILDS.values():
        for finding in diagnose(tmp_path, name, build):
            words = f"{finding.title} {finding.why} {finding.how}"
            assert not re.search(r"[{}]|\b(doctor|machine|failure|device)\.\w+|None", words), words
            assert finding.reason not in ("doctor.crashed", "doctor.late"), words


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", BUILDS)
def test_a_card_that_is_there_and_unusable_is_never_in_order(tmp_path: Path, name: str, kind: str) -> None:
    machine = seen(name, BUILDS[kind])
    found = of(diagnose(tmp_path, name, BUILDS[kind]), "hardware.usable")
    cards = [card for card in machine.accelerators if card.kind in TORCH_KINDS]
    assert len(found) >= len(cards)
    for card, finding in zip(cards, found, strict=False):
        assert card.name in finding.why
        if card.usable:
            assert finding.state is State.PASS
        elif card.integrated and any(other.integrated is False for other in cards):
            assert "need not" in finding.why
        else:
            assert finding.state in (State.FAIL, State.WARN), finding
    alone = [card for card in cards if not card.integrated]
    accepted = {"machine.reason.hidden", "machine.reason.passed_on", "machine.reason.no_compute"}
    if alone and not any(card.usable for card in cards) and alone[0].reason not in accepted:
        assert any(finding.state is State.FAIL for finding in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_that_works_is_never_complained_about(tmp_path: Path, name: str) -> None:
    for build in BUILDS.values():
        machine = seen(name, build)
        usable = [card for card in machine.accelerators if card.usable]
        complaints = [
            finding
            for finding in diagnose(tmp_path, name, build)
            if finding.state in (State.FAIL, State.WARN)
            and finding.key in ("hardware.usable", "hardware.build")
        ]
        for finding in complaints:
            assert not any(card.name == finding.values.get("name") for card in usable if len(usable) == 1)


def test_the_driver_that_was_updated_while_it_ran(tmp_path: Path) -> None:
    (driver,) = of(diagnose(tmp_path, "nvidia-library-mismatch", CUDA_128), "hardware.driver")
    assert driver.state is State.FAIL
    assert driver.how == "Restart the computer."


def test_the_driver_that_is_not_loaded(tmp_path: Path) -> None:
    found = diagnose(tmp_path, "nvidia-driver-not-loaded", CUDA_128)
    (driver,) = (finding for finding in of(found, "hardware.driver") if finding.state is not State.PASS)
    assert driver.state is State.FAIL
    assert driver.how.startswith("Install NVIDIA's driver")
    assert State.FAIL in {finding.state for finding in of(found, "hardware.usable")}


def test_a_card_that_the_build_is_too_new_for(tmp_path: Path) -> None:
    found = diagnose(
        tmp_path, "server-eight-p100", CUDA_128, machine=seen("server-eight-p100", CUDA_128, working=False)
    )
    build = of(found, "hardware.build")
    assert len(build) == 8
    assert {finding.state for finding in build} == {State.FAIL}
    assert "sm_60" in build[0].why


def test_a_limited_container_is_judged_by_its_limit(tmp_path: Path) -> None:
    for name, most in (("container-cgroup-2", 2**29), ("container-cgroup-1", 2**31)):
        need = Need(title="M", memory_bytes=4 * GB)
        found = diagnose(tmp_path, name, CPU, needs=(need,))
        (limit,) = of(found, "memory.limit")
        assert limit.state is (State.FAIL if most < 2 * GB else State.PASS)
        assert "leaves" in limit.why
        (available,), (swap,) = of(found, "memory.available"), of(found, "memory.swap")
        assert available.state in (State.WARN, State.SKIPPED), available
        assert swap.state in (State.WARN, State.SKIPPED), swap
        assert State.WARN in (available.state, swap.state)


def test_a_card_beside_an_integrated_one_is_chosen(tmp_path: Path) -> None:
    judged = 0
    for name in NAMES:
        machine = replay(load(name)["readings"])
        able = [card for card in machine.accelerators if card.device and card.usable is not False]
        if {card.integrated for card in able} != {True, False}:
            continue
        judged += 1
        discrete = next(card for card in able if card.integrated is False)
        build = BUILDS.get(discrete.kind)
        if build is None:
            continue
        found = diagnose(tmp_path, name, build)
        (chosen,) = of(found, "hardware.chosen")
        assert chosen.state is State.PASS, (name, chosen.why)
        best = preferred(seen(name, build))
        assert best is not None
        assert best.integrated is False
        assert best.name in chosen.why
    assert judged >= 4


def test_an_integrated_one_used_in_its_place_is_told(tmp_path: Path) -> None:
    """The card's driver is not loaded, so the laptop computes on what is in its processor."""
    xpu = TorchBuild(version="2.13.0+xpu", xpu="2025")
    machine = seen("nvidia-driver-not-loaded", xpu)
    (chosen,) = of(diagnose(tmp_path, "nvidia-driver-not-loaded", xpu, machine=machine), "hardware.chosen")
    assert chosen.state is State.WARN
    assert chosen.reason == "doctor.hardware.chosen.integrated"
