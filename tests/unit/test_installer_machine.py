"""The choice of builds, from facts as other computers give them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from installer.machine import (
    Choice,
    Facts,
    choose,
    from_nvidia_smi,
    from_windows_adapters,
    read,
    read_linux,
)
from installer.say import Problem

LINUX = Facts("Linux", "x86_64")
WINDOWS = Facts("Windows", "x86_64")
MAC = Facts("Darwin", "aarch64")
RTX_4090 = replace(LINUX, nvidia=True, nvidia_driver="580.95.05", nvidia_capability="8.9", vulkan=True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (LINUX, Choice("cpu", ("cpu",))),
        (WINDOWS, Choice("cpu")),
        (MAC, Choice("mps")),
        (replace(LINUX, vulkan=True), Choice("cpu", ("cpu",), ("vulkan",))),
        (RTX_4090, Choice("cuda", (), ("cu128", "vulkan"))),
        (replace(RTX_4090, nvidia_driver="595.44.02"), Choice("cuda", (), ("cu132", "cu128", "vulkan"))),
        # A card before Turing, or a driver before CUDA 13, needs the CUDA 12 build.
        (replace(RTX_4090, nvidia_capability="6.1"), Choice("cuda", ("cu126",), ("cu128", "vulkan"))),
        (replace(RTX_4090, nvidia_driver="535.230.02"), Choice("cuda", ("cu126",), ("vulkan",))),
        (
            replace(RTX_4090, nvidia_driver="470.256.02"),
            Choice("cpu", ("cpu",), ("vulkan",), ("note.nvidia.driver",)),
        ),
        # A driver that does not say its version is taken for a new one.
        (replace(LINUX, nvidia=True), Choice("cuda", (), ("cu128",))),
        # The default index has no CUDA build for these.
        (replace(WINDOWS, nvidia=True, nvidia_driver="581.42"), Choice("cuda", ("cu130",), ("cu128",))),
        (replace(RTX_4090, arch="aarch64"), Choice("cuda", ("cu130",), ("cu128", "vulkan"))),
        (
            replace(LINUX, amd=("gfx1100",), rocm="7.2.0", vulkan=True),
            Choice("rocm", ("rocm7.2",), ("rocm-7.2.4", "vulkan")),
        ),
        (replace(LINUX, amd=("gfx1030",), rocm="6.4.1-83"), Choice("rocm", ("rocm7.2",), ("rocm-6.4.1",))),
        (
            replace(LINUX, amd=("gfx1201",), rocm="6.4.1", vulkan=True),
            Choice("rocm", ("rocm7.2",), ("vulkan",)),
        ),
        (
            replace(LINUX, amd=("gfx1100",), amd_allowed=False),
            Choice("rocm", ("rocm7.2",), (), ("note.amd.group",)),
        ),
        # A GPU inside the processor, for which there are no kernels.
        (replace(LINUX, amd=("gfx1036",), vulkan=True), Choice("cpu", ("cpu",), ("vulkan",))),
        (replace(LINUX, arc=True, vulkan=True), Choice("xpu", ("xpu",), ("vulkan",))),
        (replace(WINDOWS, arc=True, vulkan=True), Choice("xpu", ("xpu",), ("vulkan",))),
    ],
)
def test_choice(facts: Facts, expected: Choice) -> None:
    assert choose(facts) == expected


@pytest.mark.parametrize("facts", [RTX_4090, replace(LINUX, arc=True), replace(LINUX, amd=("gfx1100",))])
def test_cpu_overrides_every_gpu(facts: Facts) -> None:
    assert choose(facts, cpu=True) == Choice("cpu", ("cpu",))


def test_no_choice_for_an_intel_mac() -> None:
    with pytest.raises(Problem) as caught:
        choose(Facts("Darwin", "x86_64"))
    assert caught.value.code == "mac.intel"


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _display(address: str, vendor: str, device: str) -> dict[str, str]:
    folder = f"sys/bus/pci/devices/{address}"
    return {
        f"{folder}/class": "0x030000\n",
        f"{folder}/vendor": f"0x{vendor}\n",
        f"{folder}/device": f"0x{device}\n",
    }


def test_linux_without_a_gpu(tmp_path: Path) -> None:
    _write(tmp_path, {"sys/bus/pci/devices/0000:00:1f.0/class": "0x060100\n"})
    # A Vulkan driver that computes on the processor is no GPU.
    _write(tmp_path, {"usr/share/vulkan/icd.d/lvp_icd.x86_64.json": "{}"})
    found = read_linux(LINUX, tmp_path)
    assert (found.nvidia, found.amd, found.arc, found.vulkan, found.rocm) == (False, (), False, False, "")


def test_linux_nvidia(tmp_path: Path) -> None:
    version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue Sep 23 2025\nGCC version: x\n"
    _write(tmp_path, {"proc/driver/nvidia/version": version, "usr/share/vulkan/icd.d/nvidia_icd.json": "{}"})
    _write(tmp_path, _display("0000:01:00.0", "10de", "2684"))
    found = read_linux(LINUX, tmp_path)
    assert (found.nvidia, found.nvidia_driver, found.vulkan) == (True, "580.95.05", True)


def test_linux_nvidia_open_module(tmp_path: Path) -> None:
    version = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build  (root@host)\n"
    )
    _write(tmp_path, {"proc/driver/nvidia/version": version})
    assert read_linux(LINUX, tmp_path).nvidia_driver == "570.124.06"


def test_windows_subsystem_for_linux(tmp_path: Path) -> None:
    _write(tmp_path, {"usr/lib/wsl/lib/libcuda.so.1": ""})
    found = read_linux(LINUX, tmp_path)
    assert found.nvidia
    assert found.nvidia_driver == ""


def test_linux_amd(tmp_path: Path) -> None:
    nodes = "sys/class/kfd/kfd/topology/nodes"
    _write(
        tmp_path,
        {
            "dev/kfd": "",
            f"{nodes}/0/properties": "cpu_cores_count 16\ngfx_target_version 0\n",
            f"{nodes}/1/properties": "simd_count 192\ngfx_target_version 110000\n",
            f"{nodes}/2/properties": "simd_count 4\ngfx_target_version 90010\n",
            "opt/rocm-7.2.0/.info/version": "7.2.0-43\n",
        },
    )
    found = read_linux(LINUX, tmp_path)
    assert found.amd == ("gfx1100", "gfx90a")
    assert found.rocm == "7.2.0-43"


@pytest.mark.parametrize(("device", "arc"), [("56a0", True), ("e20b", True), ("64a0", True), ("9a49", False)])
def test_linux_intel(tmp_path: Path, device: str, arc: bool) -> None:
    _write(tmp_path, _display("0000:00:02.0", "8086", device))
    _write(tmp_path, {"usr/share/vulkan/icd.d/intel_icd.x86_64.json": "{}"})
    found = read_linux(LINUX, tmp_path)
    assert (found.arc, found.vulkan) == (arc, True)


def test_windows_adapters() -> None:
    adapters = [
        (r"PCI\VEN_8086&DEV_A780", "Intel(R) UHD Graphics 770", "31.0.101.4502"),
        (r"PCI\VEN_10DE&DEV_2684", "NVIDIA GeForce RTX 4090", "32.0.15.8142"),
    ]
    found = from_windows_adapters(WINDOWS, adapters, vulkan=True)
    assert (found.nvidia, found.nvidia_driver, found.arc, found.vulkan) == (True, "581.42", False, True)
    found = from_windows_adapters(
        WINDOWS, [(r"PCI\VEN_8086&DEV_56A0", "Intel(R) Arc(TM) A770 Graphics", "32.0.101.6129")], vulkan=True
    )
    assert (found.nvidia, found.arc, found.vulkan) == (False, True, True)
    remote = from_windows_adapters(
        WINDOWS, [("ROOT\\BasicDisplay", "Microsoft Basic Display", "10.0")], vulkan=True
    )
    assert remote == WINDOWS


def test_least_capable_of_several_cards_decides() -> None:
    found = from_nvidia_smi(replace(LINUX, nvidia=True), "595.44.02, 8.9\n595.44.02, 6.1\n")
    assert (found.nvidia_driver, found.nvidia_capability) == ("595.44.02", "6.1")
    assert from_nvidia_smi(LINUX, "No devices were found\n") == LINUX


def test_this_computer_can_be_read_and_is_stable() -> None:
    assert read().signature() == read().signature()
    assert choose(read()).accelerator in {"cpu", "cuda", "rocm", "xpu", "mps"}


def test_signature_changes_with_the_hardware() -> None:
    assert LINUX.signature() != RTX_4090.signature()
    # Known only after a program was asked, so it must not count.
    assert RTX_4090.signature() == replace(RTX_4090, nvidia_capability="").signature()
