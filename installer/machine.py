"""Which builds of torch and xllamacpp suit this computer.

`read` looks, in milliseconds and without starting anything; `complete` asks the NVIDIA driver for what only
it knows; `choose` decides from those facts alone, so that every kind of computer can be tested on any.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from installer.say import Problem

# GPUs for which torch's ROCm build carries kernels. Integrated ones outside it compute wrong or not at all.
ROCM_TORCH = frozenset(
    [
        "gfx900",
        "gfx906",
        "gfx908",
        "gfx90a",
        "gfx942",
        "gfx950",
        "gfx1030",
        "gfx1100",
        "gfx1101",
        "gfx1102",
        "gfx1150",
        "gfx1151",
        "gfx1200",
        "gfx1201",
    ]
)
ROCM_6_LLAMA = frozenset(["gfx1030", "gfx1031", "gfx1032", "gfx1100", "gfx1101", "gfx1102"])
ROCM_7_LLAMA = ROCM_6_LLAMA | frozenset(["gfx1150", "gfx1151", "gfx1200", "gfx1201", "gfx950"])

# Intel GPUs that torch's XPU build drives: Arc cards, and the Arc part of Core Ultra processors.
_ARC = re.compile(r"56[9ab][0-9a-f]|e2[012][0-9a-f]|7d5[15]|7dd[15]|6420|64[ab]0|b0[89ab][0-9a-f]")

_INTEL, _AMD, _NVIDIA = "8086", "1002", "10de"


@dataclass(frozen=True)
class Facts:
    """What was found. Empty text means unknown or absent."""

    system: str  # "Linux", "Darwin", "Windows"
    arch: str  # "x86_64", "aarch64"
    nvidia: bool = False
    nvidia_driver: str = ""  # "580.65.06"
    nvidia_capability: str = ""  # compute capability of the least capable card, "8.6"
    amd: tuple[str, ...] = ()  # architectures of the GPUs that the kernel offers for computing, "gfx1100"
    amd_allowed: bool = True  # this user may open the compute device
    rocm: str = ""  # version of the ROCm runtime on this computer
    arc: bool = False
    vulkan: bool = False  # a loader, and a driver for a real GPU

    def signature(self) -> str:
        """Changes when other hardware or another driver is found; does not need `complete`."""
        return repr(sorted(asdict(replace(self, nvidia_capability="")).items()))


@dataclass(frozen=True)
class Choice:
    """Builds by their names in `indexes.json`, preferred first. After the last comes the index's default."""

    accelerator: str  # "cuda", "rocm", "xpu", "mps", "cpu": what torch will compute on
    torch: tuple[str, ...] = ()
    xllamacpp: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # keys of texts that the user should read


def choose(facts: Facts, *, cpu: bool = False) -> Choice:
    """The builds for *facts*; with *cpu*, the smallest that run anywhere. Raises Problem where none exist."""
    if facts.system == "Darwin":
        if facts.arch != "aarch64":
            raise Problem("mac.intel")
        return Choice("cpu" if cpu else "mps")
    # The default index carries the CUDA build for Linux and the CPU build for Windows.
    cpu_builds = ("cpu",) if facts.system == "Linux" else ()
    if cpu:
        return Choice("cpu", cpu_builds)
    vulkan = ("vulkan",) if facts.vulkan else ()
    if facts.nvidia:
        return _for_nvidia(facts, cpu_builds, vulkan)
    if facts.system == "Linux" and ROCM_TORCH.intersection(facts.amd):
        notes = () if facts.amd_allowed else ("note.amd.group",)
        return Choice("rocm", ("rocm7.2",), _rocm_llama(facts) + vulkan, notes)
    if facts.arc:
        return Choice("xpu", ("xpu",), vulkan)
    return Choice("cpu", cpu_builds, vulkan)


def _for_nvidia(facts: Facts, cpu_builds: tuple[str, ...], vulkan: tuple[str, ...]) -> Choice:
    # An unknown driver or card is taken for a new one: most are, and torch says clearly when it is not.
    driver = _number(facts.nvidia_driver) or 10_000
    turing_or_newer = (_number(facts.nvidia_capability) or 10_000) >= 7.5
    if driver < 525:  # older than CUDA 12: no build of torch in our range runs on it
        return Choice("cpu", cpu_builds, vulkan, ("note.nvidia.driver",))
    if driver < 580 or not turing_or_newer:
        torch: tuple[str, ...] = ("cu126",)
    elif facts.system == "Linux" and facts.arch == "x86_64":
        torch = ()
    else:
        torch = ("cu130",)
    llama: tuple[str, ...] = ()
    if facts.nvidia_driver and driver >= 595 and turing_or_newer:
        llama = ("cu132", "cu128")
    elif driver >= 570:
        llama = ("cu128",)
    return Choice("cuda", torch, llama + vulkan)


def _rocm_llama(facts: Facts) -> tuple[str, ...]:
    if facts.rocm.startswith("7.") and ROCM_7_LLAMA.intersection(facts.amd):
        return ("rocm-7.2.4",)
    if facts.rocm.startswith("6.") and ROCM_6_LLAMA.intersection(facts.amd):
        return ("rocm-6.4.1",)
    return ()


def _number(version: str) -> float:
    found = re.match(r"\d+(\.\d+)?", version)
    return float(found[0]) if found else 0.0


# ------------------------------------------------------------------------------------------ looking


def read() -> Facts:
    """The facts about this computer that cost only a few file reads."""
    arch = platform.machine().lower()
    facts = Facts(platform.system(), {"amd64": "x86_64", "arm64": "aarch64"}.get(arch, arch))
    if facts.system == "Linux":
        return read_linux(facts, Path("/"))
    if sys.platform == "win32":
        return _read_windows(facts)
    return facts


def read_linux(facts: Facts, root: Path) -> Facts:
    """As `read`, with the file system at *root*."""
    displays = _displays(root)
    version = _text(root / "proc/driver/nvidia/version")
    driver = re.search(r"(?:x86_64|aarch64|Kernel Module)\s+(\d+\.[\d.]+)", version)
    wsl = (root / "usr/lib/wsl/lib/libcuda.so.1").exists()
    kfd = root / "dev/kfd"
    return replace(
        facts,
        nvidia=bool(version) or wsl or (root / "usr/bin/nvidia-smi").exists(),
        nvidia_driver=driver[1] if driver else "",
        amd=_amd_architectures(root) if kfd.exists() else (),
        amd_allowed=os.access(kfd, os.R_OK | os.W_OK),
        rocm=_rocm_version(root),
        arc=any(vendor == _INTEL and _ARC.fullmatch(device) for vendor, device in displays),
        vulkan=bool(displays) and _has_vulkan(root),
    )


def _displays(root: Path) -> list[tuple[str, str]]:
    """Vendor and device of every display controller on the PCI bus, as four hexadecimal digits."""
    return [
        (_text(device / "vendor")[2:6], _text(device / "device")[2:6])
        for device in sorted(root.glob("sys/bus/pci/devices/*"))
        if _text(device / "class").startswith("0x03")
    ]


def _amd_architectures(root: Path) -> tuple[str, ...]:
    """From the kernel's list of compute nodes: 110000 is gfx1100, 90010 is gfx90a. Processors have 0."""
    names: set[str] = set()
    for node in root.glob("sys/class/kfd/kfd/topology/nodes/*/properties"):
        found = re.search(r"gfx_target_version (\d+)", _text(node))
        if found and (value := int(found[1])):
            names.add(f"gfx{value // 10000}{value // 100 % 100:x}{value % 100:x}")
    return tuple(sorted(names))


def _rocm_version(root: Path) -> str:
    for file in sorted(root.glob("opt/rocm*/.info/version"), reverse=True):
        return _text(file)
    return ""


def _has_vulkan(root: Path) -> bool:
    drivers = [
        file
        for folder in ("usr/share/vulkan/icd.d", "etc/vulkan/icd.d", "usr/local/share/vulkan/icd.d")
        for file in (root / folder).glob("*.json")
        if not file.name.startswith("lvp")  # a driver that computes on the processor
    ]
    return bool(drivers) and (root != Path("/") or _loads("libvulkan.so.1"))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _read_windows(facts: Facts) -> Facts:
    if sys.platform != "win32":  # tells the type checker which system this is
        return facts
    import winreg

    adapters: list[tuple[str, str, str]] = []
    path = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as folder:
        for number in range(winreg.QueryInfoKey(folder)[0]):
            name = winreg.EnumKey(folder, number)
            if not name.isdigit():
                continue
            try:
                with winreg.OpenKey(folder, name) as key:
                    values = [
                        winreg.QueryValueEx(key, value)[0]
                        for value in ("MatchingDeviceId", "DriverDesc", "DriverVersion")
                    ]
            except OSError:  # an entry of another user's session, or one without a driver
                continue
            adapters.append((str(values[0]), str(values[1]), str(values[2])))
    loader = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "vulkan-1.dll")
    return from_windows_adapters(facts, adapters, vulkan=loader.exists())


def from_windows_adapters(facts: Facts, adapters: list[tuple[str, str, str]], *, vulkan: bool) -> Facts:
    """*adapters* are device id, name and driver version, as the registry holds them."""
    for device, _name, driver in adapters:
        if f"ven_{_NVIDIA}" in device.lower():
            digits = driver.replace(".", "")[-5:]  # 32.0.15.8142 is NVIDIA's 581.42
            facts = replace(facts, nvidia=True, nvidia_driver=f"{digits[:3]}.{digits[3:]}")
    arc = any(
        f"ven_{_INTEL}" in device.lower() and ("arc" in name.lower().split() or "arc(tm)" in name.lower())
        for device, name, _driver in adapters
    )
    real = any(
        f"ven_{vendor}" in device.lower() for device, _, _ in adapters for vendor in (_INTEL, _AMD, _NVIDIA)
    )
    return replace(facts, arc=arc, vulkan=vulkan and real)


def complete(facts: Facts) -> Facts:
    """*facts* with what the NVIDIA driver says of its cards. As they were when it does not answer."""
    if not facts.nvidia:
        return facts
    program = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path="/usr/lib/wsl/lib")
    if program is None:
        return facts
    query = [program, "--query-gpu=driver_version,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return facts
    return from_nvidia_smi(facts, answer)


def from_nvidia_smi(facts: Facts, answer: str) -> Facts:
    """*answer* has a line `driver, capability` for each card."""
    cards = [[part.strip() for part in line.split(",")] for line in answer.splitlines() if "," in line]
    if not cards:
        return facts
    least = min(cards, key=lambda card: _number(card[1]))
    return replace(facts, nvidia_driver=least[0], nvidia_capability=least[1])
