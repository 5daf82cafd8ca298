"""Other computers, replayed from their readings; and this one, live."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.domain.machine import Machine, TorchBuild
from studio.services.machine import Live, Meter, Recorder, Replay, read_machine, tried
from studio.services.machine.windows import caches
from studio.wire.messages import DeviceState

GB = 2**30
LINUX = {"system": "linux", "name": "Test Linux", "machine": "x86_64", "python": "3.11.9"}


def replay(**readings: Any) -> Machine:
    """A Linux computer with 32 GB and 8 cores in 4 pairs, changed by *readings* (`__` stands for a space)."""
    cpuinfo = "\n\n".join(
        f"processor\t: {core}\nmodel name\t: Test CPU @ 3 GHz\nphysical id\t: 0\ncore id\t: {core % 4}\n"
        "flags\t: fpu avx avx2 f16c fma sse4_2"
        for core in range(8)
    )
    base: dict[str, Any] = {
        "system": LINUX,
        "cores": {"physical": 4, "logical": 8, "usable": list(range(8))},
        "memory": {"total": 32 * GB, "available": 20 * GB},
        "text /proc/cpuinfo": cpuinfo,
    }
    given = base | readings
    return read_machine(sources=Replay({key: _whole(key, value) for key, value in given.items()}))


def _whole(key: str, value: Any) -> Any:
    """Texts end their last line."""
    return f"{value}\n" if key.startswith(("text ", "command ")) and value is not None else value


def test_a_plain_computer() -> None:
    machine = replay()
    assert machine.cpu.name == "Test CPU @ 3 GHz"
    assert (machine.cpu.physical_cores, machine.cpu.logical_cores) == (4, 8)
    assert machine.cpu.flags == ("sse4_2", "f16c", "fma", "avx", "avx2")
    assert (machine.ram.total_bytes, machine.ram.available_bytes) == (32 * GB, 20 * GB)
    assert machine.accelerators == ()
    assert (machine.os, machine.python) == ("Test Linux", "3.11.9")


def test_a_computer_that_says_nothing() -> None:
    machine = read_machine(Path("/nowhere"), sources=Replay({}))
    assert machine.cpu.physical_cores is None
    assert machine.cpu.logical_cores is None
    assert machine.ram.total_bytes is None
    assert machine.disks == machine.accelerators == ()


def test_only_the_cores_that_may_be_used_count() -> None:
    pinned = replay(cores={"physical": 4, "logical": 8, "usable": [0, 4, 1]})
    assert (pinned.cpu.physical_cores, pinned.cpu.logical_cores) == (2, 3)


def cgroup2(path: str, files: dict[str, str], root: str = "/") -> dict[str, Any]:
    return {
        "text /proc/self/cgroup": f"0::{path}",
        "text /proc/self/mountinfo": f"30 20 0:26 {root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    } | {f"text /sys/fs/cgroup{name}": text for name, text in files.items()}


def test_a_container_s_limit_counts_and_its_cache_is_free() -> None:
    machine = replay(
        **cgroup2(
            "/",
            {
                "/memory.max": str(8 * GB),
                "/memory.current": str(6 * GB),
                "/memory.stat": f"anon 5\ninactive_file {3 * GB}\nactive_file {1 * GB}\nslab 7",
                "/cpu.max": "250000 100000",
            },
        )
    )
    assert (machine.ram.total_bytes, machine.ram.available_bytes) == (8 * GB, 6 * GB)
    assert machine.cpu.logical_cores == 3


def test_the_smallest_limit_above_the_own_group_counts() -> None:
    machine = replay(
        **cgroup2(
            "/user.slice/app.scope",
            {
                "/user.slice/app.scope/memory.max": "max",
                "/user.slice/app.scope/cpu.max": "max 100000",
                "/user.slice/memory.max": str(16 * GB),
                "/user.slice/memory.high": str(12 * GB),
                "/user.slice/memory.current": str(2 * GB),
                "/user.slice/cpu.max": "50000 100000",
            },
        )
    )
    assert (machine.ram.total_bytes, machine.ram.available_bytes) == (12 * GB, 10 * GB)
    assert machine.cpu.logical_cores == machine.cpu.physical_cores == 1


def test_a_container_that_sees_only_its_own_branch() -> None:
    machine = replay(
        **cgroup2(
            "/docker/abc/task",
            {"/task/memory.max": str(4 * GB), "/task/memory.current": str(GB)},
            root="/docker/abc",
        ),
    )
    assert machine.ram.total_bytes == 4 * GB


def test_the_first_version_of_control_groups() -> None:
    machine = replay(
        **{
            "text /proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/",
            "text /proc/self/mountinfo": (
                "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                "36 31 0:33 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
            ),
            "text /sys/fs/cgroup/memory/memory.limit_in_bytes": str(2 * GB),
            "text /sys/fs/cgroup/memory/memory.usage_in_bytes": str(1 * GB),
            "text /sys/fs/cgroup/memory/memory.stat": (
                f"inactive_file 1\ntotal_inactive_file {GB // 2}\ntotal_active_file 0"
            ),
            "text /sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000",
            "text /sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        }
    )
    assert (machine.ram.total_bytes, machine.ram.available_bytes) == (2 * GB, 3 * GB // 2)
    assert machine.cpu.logical_cores == 2


def test_no_limit_in_the_first_version_is_a_very_large_number() -> None:
    machine = replay(
        **{
            "text /proc/self/cgroup": "4:memory:/",
            "text /sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "text /sys/fs/cgroup/memory/memory.usage_in_bytes": str(31 * GB),
        }
    )
    assert (machine.ram.total_bytes, machine.ram.available_bytes) == (32 * GB, 20 * GB)


def gpu(name: str, uuid: str = "GPU-1", **more: Any) -> dict[str, Any]:
    return {"name": name, "uuid": uuid, "total": 24 * GB, "free": 23 * GB, "percent": 0} | more


def test_nvidia_gpus() -> None:
    machine = replay(nvml={"gpus": [gpu("RTX 4090"), gpu("GB10", total=None, free=None)]})
    first, second = machine.accelerators
    assert (first.kind, first.name, first.device, first.usable) == ("cuda", "RTX 4090", "cuda:0", None)
    assert (first.memory_total_bytes, first.memory_free_bytes) == (24 * GB, 23 * GB)
    assert (second.device, second.memory_total_bytes) == ("cuda:1", None)


@pytest.mark.parametrize(
    ("variable", "devices"),
    [
        (None, ["cuda:0", "cuda:1", "cuda:2"]),
        ("2,0", ["cuda:1", None, "cuda:0"]),
        ("GPU-bb", [None, "cuda:0", None]),
        ("", [None, None, None]),
        ("1,9,0", [None, "cuda:0", None]),
        ("GPU-", [None, None, None]),
    ],
)
def test_gpus_that_the_user_hides(variable: str | None, devices: list[str | None]) -> None:
    gpus = [gpu("A", "GPU-aa"), gpu("B", "GPU-bb"), gpu("C", "GPU-cc")]
    machine = replay(nvml={"gpus": gpus}, **{"environment CUDA_VISIBLE_DEVICES": variable})
    assert [a.device for a in machine.accelerators] == devices
    assert all(bool(a.reason) == (a.device is None) for a in machine.accelerators)


def test_an_nvidia_card_that_another_driver_holds_is_not_counted_by_cuda() -> None:
    folder = "/sys/bus/pci/devices"
    machine = replay(
        nvml={"gpus": [gpu("RTX 4090", bus="00000000:01:00.0")]},
        **{
            f"glob {folder}/*/uevent": [f"{folder}/0000:0{n}:00.0/uevent" for n in (1, 2)],
            f"text {folder}/0000:01:00.0/uevent": "DRIVER=nvidia\nPCI_CLASS=30000\nPCI_ID=10DE:2684",
            f"text {folder}/0000:02:00.0/uevent": "DRIVER=vfio-pci\nPCI_CLASS=30000\nPCI_ID=10DE:2684",
        },
    )
    first, second = machine.accelerators
    assert (first.name, first.device, first.usable) == ("RTX 4090", "cuda:0", None)
    assert (second.name, second.device, second.usable) == ("10de:2684", None, False)
    assert second.reason == "machine.reason.passed_on"


def test_an_amd_card_that_the_user_may_not_open() -> None:
    folder = "/sys/bus/pci/devices/0000:03:00.0"
    machine = replay(
        **{
            "glob /sys/bus/pci/devices/*/uevent": [f"{folder}/uevent"],
            f"text {folder}/uevent": "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:744C",
            "exists /dev/kfd": True,
            "access /dev/kfd": False,
        }
    )
    (amd,) = machine.accelerators
    assert (amd.usable, amd.device) == (False, None)
    assert (amd.reason, amd.fix) == ("machine.reason.forbidden", "machine.fix.groups")


def test_two_makers_do_not_share_a_name_of_torch_s() -> None:
    windows = {"system": "win32", "name": "Windows-11", "machine": "AMD64", "python": "3.12.1"}
    shown = [
        {"name": "AMD Radeon(TM) 780M Graphics", "id": "pci\\ven_1002&dev_15bf", "bytes": GB},
        {"name": "RTX 4070", "id": "pci\\ven_10de&dev_2786", "bytes": 8 * GB},
    ]
    machine = replay(system=windows, windows_displays=shown, nvml={"gpus": [gpu("RTX 4070")]})
    nvidia, amd = machine.accelerators
    assert (nvidia.device, nvidia.integrated) == ("cuda:0", False)
    assert (amd.device, amd.integrated, amd.memory_total_bytes) == (None, True, None)


def test_a_mac_s_disk() -> None:
    said = "   Type (Bundle):             apfs\n   Protocol:                  Apple Fabric"
    machine = read_machine(
        Path("/models"),
        sources=Replay(
            {
                "system": {"system": "darwin", "name": "macOS 15.1", "machine": "arm64", "python": "3.12.1"},
                "disk /models": {"total": 10, "free": 5, "device": 1, "number": ""},
                "mount /models": "/",
                "command diskutil info /": f"{said}\n",
            }
        ),
    )
    (disk,) = machine.disks
    assert (disk.kind, disk.filesystem, disk.total_bytes) == ("nvme", "apfs", 10)


def test_what_windows_says_of_caches() -> None:
    def cache(level: int, size: int, kind: int) -> bytes:
        return struct.pack("<IIBBHII20x", 2, 40, level, 8, 64, size, kind)

    core = struct.pack("<II24x", 0, 32)
    entries = core + cache(1, 32768, 1) + cache(1, 49152, 2) + cache(2, 2**20, 0) + cache(2, 2**19, 0)
    assert caches(entries) == {"l1d": 49152, "l2": 2**20}
    assert caches(entries[:50]) == {}


def test_what_the_engine_tried_completes_the_picture() -> None:
    seen = replay(nvml={"gpus": [gpu("RTX 4090"), gpu("K80", "GPU-2")]})
    machine = tried(
        seen,
        [
            DeviceState(device="cpu", name="CPU", usable=True),
            DeviceState(device="cuda:0", name="NVIDIA RTX 4090", usable=True, memory_free_bytes=9),
            DeviceState(device="xpu:0", name="Arc", usable=False, reason="no kernel"),
        ],
        TorchBuild(version="2.10.0", cuda="12.8"),
    )
    first, second, third = machine.accelerators
    assert (first.name, first.usable, first.memory_free_bytes) == ("RTX 4090", True, 9)
    assert (second.name, second.usable, second.reason) == ("K80", False, "machine.reason.no_compute")
    assert (third.name, third.usable, third.reason) == ("Arc", False, "no kernel")


def test_this_computer_live(tmp_path: Path) -> None:
    machine = read_machine(tmp_path / "not" / "yet", tmp_path)
    assert machine.cpu.logical_cores >= 1
    assert 0 < machine.ram.available_bytes <= machine.ram.total_bytes <= psutil.virtual_memory().total
    (disk,) = machine.disks
    assert disk.path == str(tmp_path / "not" / "yet")
    assert 0 < disk.free_bytes < disk.total_bytes


def test_a_recording_replays_this_computer(tmp_path: Path) -> None:
    recorder = Recorder(Live())
    machine = read_machine(tmp_path, sources=recorder)
    recorded = json.loads(json.dumps(recorder.readings))
    assert read_machine(tmp_path, sources=Replay(recorded)) == machine


def test_live_figures() -> None:
    meter = Meter()
    figures = meter.read(os.getpid())
    assert 0 <= figures.cpu_percent <= 100
    assert 0 < figures.ram_used_bytes < figures.ram_total_bytes
    assert figures.engine_bytes == pytest.approx(psutil.Process().memory_info().rss, rel=0.5)


def test_a_gone_engine_has_no_figure() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert Meter().read(process.pid).engine_bytes is None


def test_the_processor_is_read_from_any_thread() -> None:
    """Readings come from threads of a pool: each of them is for the time since the last, whoever read it."""
    meter = Meter()
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        sum(range(1000))
    found: list[float] = []
    reader = threading.Thread(target=lambda: found.append(meter.read().cpu_percent))
    reader.start()
    reader.join()
    assert 5.0 < found[0] <= 100.0
