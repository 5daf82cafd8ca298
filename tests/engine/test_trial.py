"""The trial of the devices: in a process of its own, whose end is a reason and not the engine's end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.engine import device
from studio.wire.messages import Devices, Probe
from tests.engine.process import EngineProcess

Start = Callable[..., EngineProcess]

# Speaks as the trial does, on a computer with three GPUs: the second one's driver crashes, the third hangs.
PROGRAM = """
import json, os, sys, time
without = sys.argv[2:]
def say(**message): print(json.dumps(message), flush=True)
say(build={"version": "2.10.0", "cuda": "12.8", "architectures": ["sm_90"]})
print("a library says something")
for name in ("cpu", "cuda:0", "cuda:1", "cuda:2"):
    if name in without:
        continue
    say(trying=name)
    if name == "cuda:1":
        os.abort()
    if name == "cuda:2":
        time.sleep(600)
    say(device={"device": name, "name": name.upper(), "usable": True})
"""


@pytest.mark.logs
def test_a_driver_that_crashes_or_hangs_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TRIAL_SECONDS", 3.0)
    trial = device.probe([sys.executable, "-c", PROGRAM])
    assert [(state.device, state.usable, state.reason) for state in trial.devices] == [
        ("cpu", True, ""),
        ("cuda:0", True, ""),
        ("cuda:1", False, "device.crashed"),
        ("cuda:2", False, "device.hung"),
    ]
    assert trial.build is not None
    assert (trial.build.kind, trial.build.architectures) == ("cuda", ("sm_90",))


@pytest.mark.logs
@pytest.mark.parametrize("fault", ["os.abort()", "raise ImportError('no torch')"])
def test_without_a_torch_that_starts_nothing_computes(fault: str) -> None:
    trial = device.probe([sys.executable, "-c", f"import os\n{fault}"])
    assert [(state.device, state.usable) for state in trial.devices] == [("cpu", False)]
    assert trial.build is None


@pytest.mark.logs
def test_looking_for_devices_may_crash_too() -> None:
    program = """
import json, os, sys
def say(**message): print(json.dumps(message), flush=True)
say(build={"version": "2.10.0", "cuda": "12.8"})
if "cpu" not in sys.argv[2:]:
    say(device={"device": "cpu", "name": "CPU", "usable": True})
say(trying="cuda:0")
os.abort()
"""
    trial = device.probe([sys.executable, "-c", program])
    assert [(s.device, s.reason) for s in trial.devices] == [("cpu", ""), ("cuda:0", "device.crashed")]


def test_a_crash_leaves_the_engine_alive(start: Start, tmp_path: Path) -> None:
    """A torch whose native part faults as soon as it is loaded, as with a broken driver."""
    broken = tmp_path / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("import ctypes\nctypes.string_at(0)\n")
    root = Path(__file__).parents[2]
    separator = ";" if sys.platform == "win32" else ":"
    engine = start(PYTHONPATH=f"{broken.parent}{separator}{root}")
    engine.send(Probe())
    devices = engine.wait_for(Devices)
    assert [(state.device, state.usable) for state in devices.devices] == [("cpu", False)]
    assert devices.devices[0].reason == "device.crashed"
    assert devices.build is None
    assert engine.ping().jobs == ()


def test_this_computer_s_processor_computes() -> None:
    trial = device.probe()
    cpu = trial.devices[0]
    assert (cpu.device, cpu.usable, cpu.reason) == ("cpu", True, "")
    assert trial.build is not None
    assert trial.build.version
