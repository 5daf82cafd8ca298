"""`studio machine` for people and for programs, on every computer that there is a log of."""

from __future__ import annotations

import json
import re

import pytest

from studio.cli import machine as command
from studio.domain.text import set_language
from tests.services.machines import NAMES, load, replay


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_computer_is_told_in_words(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_language(language)
    try:
        for name in NAMES:
            readings = load(name)["readings"]
            command._show(replay(readings))
            told = capsys.readouterr().out
            assert not re.search(r"(?:cli\.)?machine\.\w+\.?\w*|[{}]|None", told.replace("\n", " ")), told
            assert told.count("\n") >= 3
    finally:
        set_language("en")


def test_what_matters_is_in_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    def told(name: str) -> str:
        command._show(replay(load(name)["readings"]))
        return capsys.readouterr().out

    assert "container (docker), 537 MB of memory, the time of 1.5 cores" in told("container-cgroup-2")
    gh200 = told("cloud-gh200")
    assert "NVIDIA GH200 480GB" in gh200
    assert "sm_90, driver 570.124.06, CUDA 12.8" in gh200
    assert "Restart the computer." in told("nvidia-library-mismatch")
    assert "The studio cannot compute on NPUs." in told("laptop-xps-14-9440")
    assert told("server-eight-p100").count("Tesla P100") == 8


def test_for_programs() -> None:
    machine = replay(load("nvidia-driver-not-loaded")["readings"])
    found = json.loads(json.dumps(command.as_object(machine, {})))
    assert found.keys() >= {"cpu", "ram", "disks", "accelerators", "os", "python", "abilities"}
    nvidia, intel = found["accelerators"]
    keys = {"kind", "vendor", "name", "memory_total_bytes", "present", "usable", "reason", "fix"}
    assert nvidia.keys() >= keys
    assert (nvidia["present"], nvidia["usable"]) == (True, False)
    assert nvidia["reason"].startswith("The driver")
    assert nvidia["fix"].startswith("Install NVIDIA's driver")
    assert (intel["usable"], intel["reason"], found["preferred_device"]) == (None, "", "xpu:0")
