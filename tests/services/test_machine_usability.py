"""Why an accelerator cannot be used: from its facts and torch's build alone, in words and with what to do."""

from __future__ import annotations

import pytest

from studio.domain.machine import Accelerator, Machine, TorchBuild, preferred
from studio.domain.text import set_language
from studio.domain.usability import covers, explain
from studio.services.machine import tried
from studio.wire.messages import DeviceState
from tests.services.machines import load, replay

CUDA_128 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")
CUDA_126 = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")


def cuda(version: str = "12.8", architectures: tuple[str, ...] = CUDA_128) -> TorchBuild:
    torch = f"2.10.0+cu{version.replace('.', '')}"
    return TorchBuild(version=torch, cuda=version, architectures=architectures)


CPU = TorchBuild(version="2.10.0+cpu")
ROCM = TorchBuild(version="2.10.0+rocm7.2", hip="7.2", architectures=("gfx906", "gfx1100", "gfx1201"))
XPU = TorchBuild(version="2.10.0+xpu", xpu="20250302")


def card(kind: str = "cuda", **facts: object) -> Accelerator:
    vendors = {"cuda": "NVIDIA", "rocm": "AMD", "xpu": "Intel", "mps": "Apple"}
    given = {"arch": "sm_86", "driver": "580.95.05", "device": "cuda:0"} if kind == "cuda" else {}
    return Accelerator(**{"kind": kind, "vendor": vendors.get(kind, ""), "name": "Card", **given, **facts})


@pytest.mark.parametrize(
    ("accelerator", "build", "reason", "fix"),
    [
        (card(), cuda(), None, None),
        (card(arch=None, driver=None), cuda(), None, None),
        (card(arch="sm_89"), cuda(), None, None),
        (card(arch="sm_121"), cuda(), None, None),
        (card(), None, "no_torch", "install"),
        (card(), CPU, "cpu_build", "install"),
        (card(), ROCM, "other_build", "install"),
        (card(arch="sm_61"), cuda(), "no_kernels", "older_torch"),
        (card(arch="sm_120"), cuda("12.6", CUDA_126), "no_kernels", "newer_torch"),
        (card(driver="470.74"), cuda("12.6", CUDA_126), "old_driver", "newer_driver"),
        (card(driver="576.80"), cuda("13.0"), "old_driver", "newer_driver"),
        (card(driver="580.65.06"), cuda("13.0"), None, None),
        (card(driver="525.60.13", arch="sm_80"), cuda("12.6", CUDA_126), None, None),
        (card(usable=False, reason="machine.reason.hidden"), cuda(), "hidden", ""),
        (card("rocm", arch="gfx1100"), ROCM, None, None),
        (card("rocm", arch="gfx1036"), ROCM, "no_kernels", "newer_torch"),
        (card("rocm", arch="gfx1100"), cuda(), "other_build", "install"),
        (card("xpu"), XPU, None, None),
        (card("xpu"), CPU, "cpu_build", "install"),
        (card("mps"), TorchBuild(version="2.10.0", mps=True), None, None),
        (card("npu"), cuda(), "no_compute", ""),
    ],
)
def test_reasons(
    accelerator: Accelerator, build: TorchBuild | None, reason: str | None, fix: str | None
) -> None:
    verdict = explain(accelerator, build)
    if reason is None:
        assert verdict is None
        return
    assert verdict is not None
    assert verdict.reason == f"machine.reason.{reason}"
    assert verdict.fix == (f"machine.fix.{fix}" if fix else "")


@pytest.mark.parametrize(
    ("built", "arch", "runs"),
    [
        (("sm_80",), "sm_86", True),
        (("sm_86",), "sm_80", False),
        (("sm_90",), "sm_100", False),
        (("compute_90",), "sm_120", True),
        (("sm_90a",), "sm_90", False),
        (("sm_90a",), "sm_90a", True),
        (("gfx1100",), "gfx1101", False),
    ],
)
def test_which_kernels_run(built: tuple[str, ...], arch: str, runs: bool) -> None:
    assert covers(built, arch) is runs


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_words_name_what_is_wrong(language: str) -> None:
    set_language(language)
    try:
        seen = Machine(
            cpu=replay({}).cpu,
            ram=replay({}).ram,
            disks=(),
            accelerators=(card(arch="sm_120", driver="470.74"),),
            os="",
            python="",
        )
        (new,) = tried(seen, [], cuda("12.6", CUDA_126)).accelerators
        assert "470.74" in new.why
        assert "525.60" in new.why
        assert "525.60" in new.how
        assert "{" not in new.why + new.how
    finally:
        set_language("en")


def test_what_the_engine_tried_is_the_truth() -> None:
    """A device that computed is usable whatever its figures say, and one that did not is not."""
    seen = replay(load("server-eight-p100")["readings"])
    states = [
        DeviceState(device="cpu", name="CPU", usable=True),
        DeviceState(device="cuda:0", name="Tesla P100", usable=True, memory_free_bytes=9),
        DeviceState(device="cuda:1", name="cuda:1", usable=False, reason="device.crashed"),
        DeviceState(device="cuda:2", name="cuda:2", usable=False, reason="CUDA error: no kernel image"),
    ]
    first, second, third, *rest = tried(seen, states, cuda("10.2", ("sm_60",))).accelerators
    assert (first.usable, first.reason, first.memory_free_bytes) == (True, "", 9)
    assert (second.usable, second.reason) == (False, "device.crashed")
    assert (third.usable, third.why) == (False, "CUDA error: no kernel image")
    assert {(card.usable, card.reason) for card in rest} == {(False, "machine.reason.no_compute")}
    (told, *_) = tried(seen, states[3:], cuda("12.8")).accelerators[2:]
    assert (told.reason, told.values["driver"]) == ("machine.reason.old_driver", "440.33.01")


def test_torch_s_names_go_to_the_maker_that_it_was_built_for() -> None:
    seen = replay(load("laptop-flow-x13")["readings"])
    state = DeviceState(device="cuda:0", name="AMD Radeon Graphics", usable=True)
    nvidia, amd, found = tried(seen, [state], ROCM).accelerators
    assert (nvidia.usable, nvidia.reason) == (False, "machine.reason.other_build")
    assert (amd.usable, amd.device) == (False, None)
    assert (found.kind, found.device, found.usable) == ("rocm", "cuda:0", True)
    nvidia, amd = tried(seen, [state], cuda()).accelerators
    assert (nvidia.usable, amd.usable, amd.reason) == (True, False, "machine.reason.other_build")


def test_what_is_preferred() -> None:
    machine = replay(load("pc-radeon-7900-xtx")["readings"])
    small = DeviceState(device="cuda:1", name="gfx1036", usable=True)
    large = DeviceState(device="cuda:0", name="gfx1100", usable=False, reason="x")
    chosen = preferred(tried(machine, [large, small], ROCM))
    assert chosen is not None
    assert chosen.device == "cuda:1"  # the only one that computes
    assert preferred(tried(machine, [], ROCM)) is None
