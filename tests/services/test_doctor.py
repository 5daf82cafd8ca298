"""Each check of the doctor in each of its states, by data."""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.diagnosis import Finding, State
from studio.domain.failure import Failure
from studio.domain.machine import Limits, TorchBuild
from studio.services.database import MIGRATIONS
from studio.services.doctor import CHECKS, FIXES
from studio.services.doctor.case import Case, Declared, Need, Reached
from studio.services.doctor.libraries import command, packages
from studio.services.doctor.software import declared
from studio.services.settings import Settings
from tests.services.cases import (
    CPU,
    CUDA,
    GB,
    card,
    case,
    integrated,
    machine,
    place,
    process,
    with_ram,
)
from tests.services.test_measurements import found as measurements

FAIL, WARN, SKIPPED, PASS = State.FAIL, State.WARN, State.SKIPPED, State.PASS
BIG = Need(title="Huge", memory_bytes=100 * GB)
AWAY = Failure(code="engine.unstartable", values={"reason": "engine.reason.hung"})
OLD = {
    "usable": False,
    "driver": "470.74",
    "reason": "machine.reason.old_driver",
    "fix": "machine.fix.newer_driver",
    "values": {"driver": "470.74", "needed": "525.60", "torch": "2.13", "cuda": "12.8"},
}
TOO_NEW = {"usable": False, "arch": "sm_120", "reason": "machine.reason.no_kernels", "values": {}}
CRASHED = {"usable": False, "reason": "device.crashed"}
CORE = " ".join(command(sorted(packages()["core"])))
WINDOW = " ".join(command(sorted(packages()["core"] | packages()["x11"])))
SOUND = " ".join(command(sorted(packages()["sound"])))
FONTS = "command fc-list :lang=zh-cn family"

# Check, changes to a computer in order, the states of all that it finds, its (first) reason, its action.
TABLE: list[tuple[str, dict[str, Any], list[State], str, str]] = [
    ("hardware.usable", {}, [PASS], "works", ""),
    ("hardware.usable", {"machine": machine()}, [SKIPPED], "none", ""),
    ("hardware.usable", {"machine": machine(card(usable=None))}, [SKIPPED], "untried", ""),
    ("hardware.usable", {"machine": machine(card(**CRASHED))}, [FAIL], "unusable", ""),
    ("hardware.usable", {"machine": machine(card(), card(device="cuda:1", **CRASHED))}, [PASS, WARN], "", ""),
    ("hardware.usable", {"machine": machine(integrated(**CRASHED))}, [WARN], "unusable", ""),
    ("hardware.usable", {"machine": machine(card(), integrated(**CRASHED))}, [PASS, PASS], "", ""),
    (
        "hardware.usable",
        {"machine": machine(card(kind="npu", usable=False, reason="machine.reason.npu"))},
        [SKIPPED],
        "other",
        "",
    ),
    (
        "hardware.usable",
        {"machine": machine(card(usable=False, reason="machine.reason.hidden"))},
        [WARN],
        "unusable",
        "",
    ),
    ("hardware.build", {}, [PASS], "fits", ""),
    ("hardware.build", {"machine": machine(card(**TOO_NEW))}, [FAIL], "unusable", ""),
    ("hardware.build", {"machine": machine(card(**CRASHED)), "build": CPU}, [FAIL], "unusable", ""),
    ("hardware.build", {"machine": machine(integrated(**CRASHED)), "build": CPU}, [WARN], "unusable", ""),
    ("hardware.build", {"machine": machine(), "build": CPU}, [PASS], "cpu", ""),
    ("hardware.build", {"build": None, "engine_seconds": None}, [SKIPPED], "no_engine", ""),
    ("hardware.driver", {}, [PASS], "fits", ""),
    ("hardware.driver", {"machine": machine(card(**OLD))}, [FAIL], "unusable", ""),
    (
        "hardware.driver",
        {"machine": machine(card(usable=False, device=None, reason="machine.reason.driver_mismatch"))},
        [FAIL],
        "unusable",
        "",
    ),
    ("hardware.driver", {"machine": machine()}, [SKIPPED], "none", ""),
    ("hardware.chosen", {}, [PASS], "right", ""),
    ("hardware.chosen", {"machine": machine()}, [PASS], "processor", ""),
    ("hardware.chosen", {"settings": Settings(device="cuda:7")}, [FAIL], "gone", "auto_device"),
    ("hardware.chosen", {"settings": Settings(device="cpu")}, [WARN], "lesser", "auto_device"),
    (
        "hardware.chosen",
        {"machine": machine(card(), integrated()), "settings": Settings(device="xpu:0")},
        [WARN],
        "lesser",
        "auto_device",
    ),
    ("hardware.chosen", {"machine": machine(card(**CRASHED), integrated())}, [WARN], "integrated", ""),
    ("hardware.shared", {}, [PASS], "fails", ""),
    ("hardware.shared", {"platform": "win32"}, [PASS], "fits", ""),
    ("hardware.shared", {"platform": "win32", "needs": (BIG,)}, [WARN], "spills", ""),
    (
        "hardware.shared",
        {"platform": "win32", "needs": (BIG,), "machine": machine(card(driver="531.14"))},
        [PASS],
        "fails",
        "",
    ),
    (
        "hardware.shared",
        {"needs": (BIG,), "machine": machine(card(), limits=Limits(container="wsl"))},
        [WARN],
        "spills",
        "",
    ),
    (
        "hardware.shared",
        {
            "needs": (Need(title="M", memory_bytes=28 * GB),),
            "machine": machine(card(kind="mps", vendor="Apple", device="mps", integrated=True,
                                    memory_total_bytes=None)),
        },
        [WARN],
        "spills",
        "",
    ),
    ("hardware.shared", {"machine": machine(integrated(memory_total_bytes=None))}, [SKIPPED], "unknown", ""),
    ("hardware.shared", {"machine": machine()}, [SKIPPED], "none", ""),
    ("hardware.shared", {"needs": ()}, [SKIPPED], "no_models", ""),
    ("hardware.taken", {}, [PASS], "free", ""),
    ("hardware.taken", {"machine": machine(card(processes=(process(7, 0.3),)))}, [PASS], "free", ""),
    ("hardware.taken", {"machine": machine(card(processes=(process(7, 5),)))}, [WARN], "held", ""),
    (
        "hardware.taken",
        {"machine": machine(card(processes=(process(7, 5),))), "own_pids": frozenset({7})},
        [PASS],
        "free",
        "",
    ),
    (
        "hardware.taken",
        {"machine": machine(card(processes=(process(7, None),), memory_free_bytes=2 * GB))},
        [WARN],
        "held",
        "",
    ),
    ("hardware.taken", {"machine": machine()}, [SKIPPED], "none", ""),
    ("engine.answers", {}, [PASS], "yes", ""),
    ("engine.answers", {"build": None}, [FAIL], "no_torch", ""),
    ("engine.answers", {"build": None, "engine_seconds": None}, [WARN], "late", ""),
    ("engine.answers", {"build": None, "engine_seconds": None, "failure": AWAY}, [FAIL], "unstartable", ""),
    ("engine.answers", {"processor_reason": "device.crashed"}, [FAIL], "wrong", ""),
    ("engine.measured", {}, [SKIPPED], "never", "measure"),
    ("engine.measured", {"measurements": measurements()}, [PASS], "fits", ""),
    ("engine.measured", {"measurements": measurements(), "stale": True}, [WARN], "stale", "measure"),
    ("engine.measured", {"measurements": measurements(throttled=True)}, [WARN], "throttled", "measure"),
    ("memory.available", {}, [PASS], "enough", ""),
    ("memory.available", {"needs": (BIG,)}, [WARN], "short", ""),
    ("memory.available", {"needs": (BIG,), "engine_busy": True}, [WARN], "held", "free_memory"),
    ("memory.available", {"machine": with_ram(available_bytes=None)}, [SKIPPED], "unknown", ""),
    ("memory.available", {"needs": ()}, [SKIPPED], "no_models", ""),
    ("memory.swap", {}, [PASS], "enough", ""),
    ("memory.swap", {"needs": (BIG,)}, [WARN], "small", ""),
    ("memory.swap", {"machine": with_ram(swap_total_bytes=0)}, [PASS], "enough", ""),
    (
        "memory.swap",
        {"machine": with_ram(total_bytes=8 * GB, swap_total_bytes=0), "platform": "win32"},
        [WARN],
        "no_page_file",
        "",
    ),
    ("memory.swap", {"machine": with_ram(swap_total_bytes=None)}, [SKIPPED], "unknown", ""),
    ("memory.swap", {"needs": ()}, [SKIPPED], "no_models", ""),
    ("memory.limit", {}, [PASS], "none", ""),
    ("memory.limit", {"machine": machine(limits=Limits(container="docker"))}, [PASS], "unlimited", ""),
    (
        "memory.limit",
        {"machine": machine(limits=Limits(container="docker", memory_bytes=8 * GB))},
        [PASS],
        "known",
        "",
    ),
    ("memory.limit", {"machine": machine(limits=Limits(memory_bytes=GB))}, [FAIL], "small", ""),
    ("disks.space", {}, [PASS], "enough", ""),
    ("disks.space", {"places": ()}, [SKIPPED], "unknown", ""),
    ("disks.space", {"places": (place(free_bytes=None),)}, [SKIPPED], "unknown", ""),
    ("disks.space", {"places": (place(free_bytes=5 * GB),)}, [WARN], "low", "choose_models"),
    ("disks.space", {"places": (place("outputs", free_bytes=GB // 2),)}, [FAIL], "full", "choose_outputs"),
    ("disks.space", {"places": (place("temp", free_bytes=GB // 2),)}, [FAIL], "full", ""),
    ("disks.space", {"places": (place(free_bytes=5 * GB),), "trashed": 3}, [WARN], "low", "empty_trash"),
    ("disks.models", {}, [PASS], "good", ""),
    ("disks.models", {"places": (place(kind="hdd"),)}, [WARN], "slow", "choose_models"),
    ("disks.models", {"places": (place(kind="network"),)}, [WARN], "slow", "choose_models"),
    ("disks.models", {"places": (place(kind="card"),)}, [WARN], "slow", "choose_models"),
    ("disks.models", {"measurements": measurements(disk_read=9e7)}, [WARN], "measured", "choose_models"),
    ("disks.models", {"places": (place(total_bytes=32 * GB),)}, [WARN], "small", "choose_models"),
    ("disks.models", {"places": (place(kind=None),)}, [SKIPPED], "unknown", ""),
    ("disks.models", {"places": ()}, [SKIPPED], "unknown", ""),
    ("disks.cache", {}, [PASS], "good", ""),
    ("disks.cache", {"places": (place("cache", kind="network"),)}, [WARN], "slow", ""),
    ("disks.cache", {"places": ()}, [SKIPPED], "unknown", ""),
    ("disks.temp", {}, [PASS], "disk", ""),
    ("disks.temp", {"places": (place("temp", kind="tmpfs"),)}, [WARN], "memory", ""),
    ("disks.temp", {"places": ()}, [SKIPPED], "unknown", ""),
    ("folders.names", {}, [PASS], "plain", ""),
    ("folders.names", {"models": Path("/家/models")}, [PASS], "fine", ""),
    ("folders.names", {"models": Path("/家/models"), "platform": "win32"}, [WARN], "foreign", ""),
    ("folders.names", {"models": Path("/" + "a" * 200), "platform": "win32"}, [PASS], "plain", ""),
    (
        "folders.names",
        {"models": Path("/" + "a" * 200), "platform": "win32", "long_paths": False},
        [WARN],
        "long",
        "",
    ),
    ("folders.names", {"models": Path("/" + "/".join(["a" * 200] * 20))}, [WARN], "long", ""),
    ("software.python", {}, [PASS], "fits", ""),
    ("software.python", {"machine": machine(python="3.10.2")}, [FAIL], "other", ""),
    ("software.python", {"declared": Declared()}, [SKIPPED], "unknown", ""),
    ("software.versions", {}, [PASS], "fit", ""),
    ("software.versions", {"declared": Declared(packages=("numpy>=3",))}, [WARN], "other", ""),
    ("software.versions", {"declared": Declared(packages=("torch<2.13",))}, [WARN], "other", ""),
    ("software.versions", {"declared": Declared(packages=("nowhere>=1",))}, [FAIL], "missing", ""),
    (
        "software.versions",
        {"declared": Declared(packages=("nowhere; python_version < '3'", "numpy>=2"))},
        [PASS],
        "fit",
        "",
    ),
    ("software.versions", {"declared": Declared()}, [SKIPPED], "unknown", ""),
    ("software.kernels", {}, [PASS], "absent", ""),
    ("software.kernels", {"version": lambda name: "0.11.0"}, [WARN], "there", ""),
    ("desktop.libraries", {"readings": {f"command {WINDOW}": ""}}, [PASS], "there", ""),
    ("desktop.libraries", {"readings": {f"command {WINDOW}": "libEGL.so.1\n"}}, [FAIL], "missing", ""),
    (
        "desktop.libraries",
        {"readings": {f"command {CORE}": ""}, "environment": {"WAYLAND_DISPLAY": "wayland-0"}},
        [PASS],
        "there",
        "",
    ),
    ("desktop.libraries", {}, [SKIPPED], "unknown", ""),
    ("desktop.libraries", {"platform": "darwin"}, [SKIPPED], "own", ""),
    ("desktop.sound", {"readings": {"exists /run/user/1000/pulse/native": True}}, [PASS], "there", ""),
    ("desktop.sound", {"environment": {"PULSE_SERVER": "unix:/mnt/wslg/PulseServer"}}, [PASS], "there", ""),
    ("desktop.sound", {"readings": {"text /proc/asound/cards": " 0 [PCH ]: HDA\n"}}, [PASS], "there", ""),
    ("desktop.sound", {"readings": {"text /proc/asound/cards": "--- no cards ---\n"}}, [WARN], "none", ""),
    ("desktop.sound", {"readings": {f"command {SOUND}": "libpulse.so.0\n"}}, [WARN], "library", ""),
    ("desktop.sound", {"platform": "darwin"}, [SKIPPED], "unasked", ""),
    ("desktop.sound", {"platform": "win32"}, [SKIPPED], "unasked", ""),
    ("desktop.sound", {"platform": "win32", "readings": {"windows_sound": 0}}, [WARN], "none", ""),
    ("desktop.sound", {"platform": "win32", "readings": {"windows_sound": 2}}, [PASS], "there", ""),
    ("desktop.fonts", {"readings": {FONTS: "Noto Sans CJK SC\n"}}, [PASS], "there", ""),
    ("desktop.fonts", {"readings": {FONTS: "\n"}}, [WARN], "none", ""),
    (
        "desktop.fonts",
        {"readings": {"glob /home/me/.fonts/*/*CJK*": ["/home/me/.fonts/a/NotoCJK.ttc"]}},
        [PASS],
        "there",
        "",
    ),
    ("desktop.fonts", {}, [WARN], "none", ""),
    ("desktop.fonts", {"platform": "win32"}, [WARN], "none", ""),
    (
        "desktop.fonts",
        {"platform": "win32", "readings": {r"exists C:\Windows\Fonts\msyh.ttc": True}},
        [PASS],
        "there",
        "",
    ),
    ("desktop.numbers", {}, [PASS], "plain", ""),
    ("desktop.numbers", {"decimal_point": ","}, [WARN], "comma", ""),
    ("desktop.numbers", {"encoding": "ascii"}, [WARN], "encoding", ""),
    ("data.clock", {}, [PASS], "plausible", ""),
    ("data.clock", {"newest": None}, [PASS], "plausible", ""),
    ("data.clock", {"now": 1_000_000_000.0}, [WARN], "behind", ""),
    ("network.hub", {}, [SKIPPED], "unasked", "ask_network"),
    ("network.hub", {"offline": True, "reached": {}}, [SKIPPED], "offline", "settings"),
    ("network.hub", {"reached": {"hub": Reached(host="hub", seconds=0.2)}}, [PASS], "answers", ""),
    ("network.hub", {"reached": {"hub": Reached(host="hub", error="refused")}}, [FAIL], "silent", ""),
    (
        "network.hub",
        {"reached": {"hub": Reached(host="hub", error="refused"), "mirror": Reached(host="mirror")}},
        [WARN],
        "silent",
        "",
    ),
    ("network.mirror", {"reached": {"mirror": Reached(error="none")}}, [SKIPPED], "none", ""),
    ("network.mirror", {"reached": {"mirror": Reached(host="m", error="x")}}, [FAIL], "silent", ""),
    ("network.mirror", {"reached": {"mirror": Reached(host="m")}}, [PASS], "answers", ""),
    ("network.mirror", {}, [SKIPPED], "unasked", "ask_network"),
    ("network.index", {"reached": {"index": Reached(error="doctor.network.late")}}, [FAIL], "silent", ""),
    ("network.index", {"reached": {"index": Reached(host="i")}}, [PASS], "answers", ""),
    ("network.clock", {"reached": {"hub": Reached(host="h", ahead=2.0)}}, [PASS], "right", ""),
    ("network.clock", {"reached": {"hub": Reached(host="h", ahead=-7200.0)}}, [WARN], "behind", ""),
    ("network.clock", {"reached": {"hub": Reached(host="h", ahead=7200.0)}}, [WARN], "ahead", ""),
    (
        "network.clock",
        {"reached": {"hub": Reached(host="h", ahead=7200.0), "index": Reached(host="i", ahead=1.0)}},
        [PASS],
        "right",
        "",
    ),
    ("network.clock", {"reached": {"hub": Reached(error="x")}}, [SKIPPED], "unknown", ""),
    ("network.clock", {}, [SKIPPED], "unasked", "ask_network"),
]  # fmt: skip
# Tried on real files below.
REAL = {"folders.outputs", "folders.models", "folders.own", "data.database", "data.settings"}


def look(key: str, patient: Case) -> list[Finding]:
    answer = CHECKS[key](patient)
    found = answer if isinstance(answer, list) else [answer]
    return [msgspec.structs.replace(finding, key=key) for finding in found]


def one(key: str, patient: Case) -> tuple[State, str, str]:
    (finding,) = look(key, patient)
    told(finding)
    return finding.state, finding.reason.rpartition(".")[2], finding.action


def told(finding: Finding) -> None:
    """Its words are whole, and what is wrong says what to do."""
    words = f"{finding.title} {finding.why} {finding.how}"
    assert not re.search(r"[{}]|\b(doctor|machine|failure|device|engine)\.\w+", words), words
    lasting = finding.reason == "doctor.hardware.unusable"  # not everything can be helped
    assert finding.state not in (FAIL, WARN) or finding.how or lasting, finding


@pytest.mark.parametrize(("key", "changes", "states", "reason", "action"), TABLE)
def test_a_check(
    tmp_path: Path, key: str, changes: dict[str, Any], states: list[State], reason: str, action: str
) -> None:
    changes = dict(changes)
    if key == "folders.names":  # the test's own folders are called as the test is
        changes = {"models": Path("/m"), "outputs": Path("/o"), "temp": Path("/t"), **changes}
    patient = case(tmp_path / "h", **changes)
    if key == "folders.names":
        paths = msgspec.structs.replace(patient.paths, data=Path("/d"))
        patient = msgspec.structs.replace(patient, paths=paths)
    found = look(key, patient)
    assert [finding.state for finding in found] == states
    if reason:
        assert found[0].reason.rpartition(".")[2] == reason
    assert [finding.action for finding in found if finding.action] == ([action] if action else [])
    for finding in found:
        told(finding)


def test_every_check_is_tried_in_every_state_that_it_has() -> None:
    assert {key for key, *_ in TABLE} | REAL == set(CHECKS)
    for key in {key for key, *_ in TABLE}:
        states = {state for other, _, found, *_ in TABLE if other == key for state in found}
        assert len(states) >= 2, key


def test_every_action_can_be_done_or_opens_something() -> None:
    actions = {action for *_, action in TABLE if action}
    assert actions - FIXES.keys() == {"choose_models", "choose_outputs", "settings", "ask_network"}


@pytest.mark.parametrize(
    ("system", "limits", "words"),
    [
        ("linux", Limits(), "swap file"),
        ("win32", Limits(), "page file"),
        ("darwin", Limits(), "startup disk"),
        ("linux", Limits(memory_bytes=4 * GB), "container"),
    ],
)
def test_what_to_do_is_said_for_this_system(tmp_path: Path, system: str, limits: Limits, words: str) -> None:
    patient = case(tmp_path, machine=machine(limits=limits), needs=(BIG,), platform=system)
    (finding,) = look("memory.swap", patient)
    assert words in finding.how


def test_one_cause_is_explained_once(tmp_path: Path) -> None:
    """A driver that is too old: the check of the driver says so, the one of the card points to it."""
    patient = case(tmp_path, machine=machine(card(**OLD)))
    (usable,), (driver,), (build,) = (
        look(f"hardware.{key}", patient) for key in ("usable", "driver", "build")
    )
    assert (usable.state, driver.state, build.state) == (FAIL, FAIL, PASS)
    assert "470.74" in driver.why
    assert "525.60" in driver.how
    assert "470.74" not in usable.why
    assert "Driver" in usable.why


def test_who_holds_the_memory_is_named(tmp_path: Path) -> None:
    held = card(processes=(process(3, 0.2), process(7, 6)))
    (finding,) = look("hardware.taken", case(tmp_path, machine=machine(held)))
    assert "program7, program3 holds 6.2 GB of the 12.0 GB" in finding.why


# --- on real files ------------------------------------------------------------------------------------


def test_a_result_is_really_written_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = case(tmp_path)
    assert one("folders.outputs", patient) == (PASS, "later", "")
    patient.outputs.mkdir()
    written: list[Path] = []
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a: (written.append(self), opened(self, *a))[1])
    assert one("folders.outputs", patient) == (PASS, "writable", "")
    assert [file.parent for file in written] == [patient.outputs]
    assert list(patient.outputs.iterdir()) == []


def no_folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("x")
    return tmp_path / "file"


@pytest.mark.parametrize("key", ["outputs", "models"])
@pytest.mark.parametrize(
    "where",
    [
        no_folder,
        lambda tmp_path: no_folder(tmp_path) / "below",
        pytest.param(
            lambda _: Path("/proc/studio"),
            marks=pytest.mark.skipif(sys.platform != "linux", reason="nobody may write there"),
        ),
    ],
)
def test_a_folder_that_nothing_can_be_written_to(
    tmp_path: Path, key: str, where: Callable[[Path], Path]
) -> None:
    patient = case(tmp_path / "h", **{key: where(tmp_path)})
    assert one(f"folders.{key}", patient) == (FAIL, "unwritable", f"choose_{key}")


def test_a_folder_that_was_chosen_and_is_not_there(tmp_path: Path) -> None:
    drive = tmp_path / "drive" / "out"
    patient = case(tmp_path / "h", outputs=drive, settings=Settings(outputs=str(drive)))
    assert one("folders.outputs", patient) == (WARN, "missing", "create_folders")
    assert one("folders.models", patient) == (PASS, "writable", "")
    assert one("folders.models", case(tmp_path / "h", models=drive))[1:] == ("missing", "create_folders")


def test_the_studio_s_own_folders(tmp_path: Path) -> None:
    patient = case(tmp_path)
    assert one("folders.own", patient) == (PASS, "fine", "")
    patient.paths.cache.rmdir()
    assert one("folders.own", patient) == (WARN, "missing", "create_folders")
    patient.paths.cache.write_text("in the way")
    assert one("folders.own", patient) == (FAIL, "unwritable", "")


def test_the_database(tmp_path: Path) -> None:
    patient = case(tmp_path)
    file = patient.paths.data / "studio.db"
    assert one("data.database", patient) == (PASS, "none", "")
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE x (y)")
        connection.executemany("INSERT INTO x VALUES (?)", [("z" * 500,)] * 100)
    connection.close()
    assert one("data.database", patient) == (PASS, "whole", "")
    whole = file.read_bytes()
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    assert one("data.database", patient)[:2] == (FAIL, "newer")
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert one("data.database", patient)[:2] == (FAIL, "broken")
    file.write_bytes(b"no database" * 1000)
    before = file.read_bytes()
    assert one("data.database", patient)[:2] == (FAIL, "broken")
    assert file.read_bytes() == before, "a look has changed it"
    file.rename(file.with_name("studio.broken-1.db"))
    assert one("data.database", patient)[:2] == (WARN, "aside")


def test_a_database_that_another_one_writes_to(tmp_path: Path) -> None:
    patient = case(tmp_path)
    connection = sqlite3.connect(patient.paths.data / "studio.db", isolation_level=None)
    try:
        connection.execute("CREATE TABLE x (y)")
        connection.execute("BEGIN EXCLUSIVE")
        assert one("data.database", patient)[:2] == (WARN, "busy")
    finally:
        connection.close()


def test_the_settings(tmp_path: Path) -> None:
    patient = case(tmp_path)
    file = patient.paths.config / "settings.json"
    assert one("data.settings", patient) == (PASS, "none", "")
    file.write_text('{"theme": "dark"}')
    assert one("data.settings", patient) == (PASS, "whole", "")
    file.write_text('{"theme": "pink"}')
    assert one("data.settings", patient)[:2] == (FAIL, "broken")
    file.rename(file.with_name("settings.broken-1.json"))
    assert one("data.settings", patient)[:2] == (WARN, "aside")


def test_what_the_studio_is_made_for_is_read_from_where_it_lies(root: Path, tmp_path: Path) -> None:
    found = declared(root)
    assert found.python == ">=3.11"
    assert any(text.startswith("torch>=") for text in found.packages)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\ndependencies = ["x"]\n')
    assert "x" not in declared(tmp_path).packages


def test_a_library_that_does_not_load_is_named() -> None:
    import subprocess

    done = subprocess.run(
        command(["libc.so.6", "libnowhere.so.9"]), capture_output=True, text=True, check=True
    )
    wanted = ["libnowhere.so.9"] if sys.platform == "linux" else ["libc.so.6", "libnowhere.so.9"]
    assert done.stdout.split() == wanted


def test_the_installer_and_the_doctor_have_one_list() -> None:
    from installer import libraries

    assert packages()["core"] | packages()["x11"] == {**libraries.CORE, **libraries.X11}


def test_builds_by_their_kind(tmp_path: Path) -> None:
    """A build for another maker's cards is as wrong as none."""
    rocm = TorchBuild(version="2.13.0+rocm7", hip="7.0", architectures=("gfx1100",))
    (finding,) = look("hardware.build", case(tmp_path, machine=machine(card(**CRASHED)), build=rocm))
    assert finding.state is FAIL
    assert "ROCm" in finding.why
    assert CUDA.kind == "cuda"


def test_the_time_of_the_test_is_no_matter(tmp_path: Path) -> None:
    assert one("data.clock", case(tmp_path, now=time.time(), newest=time.time()))[0] is PASS
