"""The doctor at work: hanging and crashing checks, a whole look, what it mends, and what it asks."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.diagnosis import Diagnosis, Finding, State, passed
from studio.domain.failure import StudioError
from studio.domain.text import set_language
from studio.services import studio as composition
from studio.services.doctor import CHECKS, FIXES, examine, fix, report, run
from studio.services.doctor import reach as reaching
from studio.services.doctor.case import Case, Reached
from studio.services.doctor.examination import trashed
from studio.services.doctor.reach import reach
from studio.services.downloads.route import usual_route
from studio.services.engine.supervisor import Engine
from studio.services.paths import Paths
from studio.services.scrub import without_addresses
from studio.services.studio import Studio
from tests.fakes.file_server import FileServer
from tests.services.cases import card, case, machine
from tests.services.engines import QUICK, command
from tests.services.test_gallery import asked, put

# --- the runner ---------------------------------------------------------------------------------------


def hangs(_: Case) -> Finding:
    threading.Event().wait(30)
    return passed("doctor.no_models")


def crashes(_: Case) -> Finding:
    raise RuntimeError("lost bolt")


def several(_: Case) -> list[Finding]:
    return [passed("doctor.no_models"), passed("doctor.memory.unknown")]


def test_what_hangs_or_crashes_takes_nothing_along(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checks = {"disks.space": hangs, "disks.temp": crashes, "memory.swap": several}
    began = time.monotonic()
    found = run(case(tmp_path), checks, seconds=0.5)
    assert time.monotonic() - began < 20
    late, crashed, *fine = found
    assert (late.key, late.state, late.reason) == ("disks.space", State.SKIPPED, "doctor.late")
    assert (crashed.key, crashed.state) == ("disks.temp", State.WARN)
    assert "RuntimeError: lost bolt" in crashed.why
    assert [(finding.key, finding.state) for finding in fine] == [("memory.swap", State.PASS)] * 2
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_quick_check_is_not_late(tmp_path: Path) -> None:
    assert run(case(tmp_path), {"memory.swap": several}, seconds=20)[0].state is State.PASS


def test_they_run_side_by_side(tmp_path: Path) -> None:
    together = threading.Barrier(5)

    def waits(_: Case) -> Finding:
        together.wait(30)
        return passed("doctor.no_models")

    found = run(case(tmp_path), {f"disks.{n}": waits for n in range(5)}, seconds=30)
    assert {finding.state for finding in found} == {State.PASS}


# --- a whole look -------------------------------------------------------------------------------------


@asynccontextmanager
async def studio_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, started: bool = True, **script: Any
) -> AsyncIterator[Studio]:
    fake = command(folder, **script)
    monkeypatch.setattr(composition, "Engine", lambda _, log: Engine(fake, log, QUICK))
    studio = Studio(Paths.under(folder / "家 home").create())
    if started:
        await studio.start()
    try:
        yield studio
    finally:
        await studio.close()


def by_key(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {finding.key: finding for finding in diagnosis.findings}


async def test_a_look_finds_something_by_every_check(tmp_path: Path, monkeypatch: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        diagnosis = await examine(studio)
    found = by_key(diagnosis)
    assert set(found) == set(CHECKS)
    assert found["engine.answers"].state is State.PASS
    assert found["data.database"].state is State.PASS
    assert found["folders.models"].state is State.PASS
    assert found["network.hub"].reason == "doctor.network.unasked"
    assert not [finding for finding in found.values() if finding.reason.startswith("doctor.crashed")]
    assert diagnosis.seconds < 60


@pytest.mark.logs
async def test_a_studio_that_cannot_start_is_still_looked_at(tmp_path: Path, monkeypatch: Any) -> None:
    """The database is broken, the settings too, and the engine ends as soon as it starts."""
    paths = Paths.under(tmp_path / "家 home").create()
    (paths.data / "studio.db").write_bytes(b"no database" * 1000)
    async with studio_at(tmp_path, monkeypatch, started=False) as studio:
        monkeypatch.setattr(studio.engine, "_command", [shutil.which("false") or "false"])
        found = by_key(await examine(studio))
    assert found["data.database"].state is State.FAIL
    assert found["engine.answers"].state is State.FAIL
    assert found["hardware.build"].reason == "doctor.no_engine"
    assert found["disks.space"].state is not State.SKIPPED


async def test_offline_nothing_is_asked(tmp_path: Path, monkeypatch: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        studio.settings.change(offline=True)
        monkeypatch.setattr("studio.services.doctor.examination.reach", None)  # asking would fail
        found = by_key(await examine(studio, ask_network=True))
    assert {found[f"network.{name}"].reason for name in ("hub", "mirror", "index", "clock")} == {
        "doctor.network.offline"
    }


# --- what it mends ------------------------------------------------------------------------------------


async def test_missing_folders_are_created(tmp_path: Path, monkeypatch: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        studio.settings.change(outputs=str(tmp_path / "new" / "out"))
        assert by_key(await examine(studio))["folders.outputs"].action == "create_folders"
        await fix(studio, "create_folders")
        assert by_key(await examine(studio))["folders.outputs"].state is State.PASS
        (tmp_path / "file").write_text("x")
        studio.settings.change(outputs=str(tmp_path / "file" / "out"))
        with pytest.raises(StudioError) as raised:
            await fix(studio, "create_folders")
        assert raised.value.failure.code == "output.unwritable"


async def test_a_device_that_has_gone_is_let_go(tmp_path: Path, monkeypatch: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        studio.settings.change(device="cuda:7")
        before = by_key(await examine(studio))["hardware.chosen"]
        assert (before.state, before.action) == (State.FAIL, "auto_device")
        await fix(studio, before.action)
        assert studio.settings.value.device == "auto"
        assert by_key(await examine(studio))["hardware.chosen"].state is State.PASS


async def test_it_is_measured_again(tmp_path: Path, monkeypatch: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        await fix(studio, "measure")
        fresh = by_key(await examine(studio))["engine.measured"]
        assert fresh.state is State.PASS
        current = studio.machine
        assert current is not None
        found = studio.measurements.load("cpu", current)
        assert found is not None
        studio.measurements.save(msgspec.structs.replace(found, versions={"torch": "1.0"}))
        for file in (studio.paths.data / "measurements").iterdir():
            if b'"1.0"' not in file.read_bytes():
                file.unlink()
        assert by_key(await examine(studio))["engine.measured"].reason.endswith("stale")
        heard: list[float] = []
        await fix(studio, "measure", lambda _, done: heard.append(done))
        assert by_key(await examine(studio))["engine.measured"].state is State.PASS


async def test_memory_is_given_back(tmp_path: Path, monkeypatch: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        await studio.engine.devices()
        before = studio.engine.pid
        await fix(studio, "free_memory")
        assert studio.engine.pid not in (None, before)


async def test_the_trash_is_emptied(tmp_path: Path, monkeypatch: Any) -> None:
    emptied: list[str] = []

    def discard(file: Path) -> None:
        emptied.append(file.name)
        file.unlink()

    monkeypatch.setattr("studio.services.gallery._discard", discard)
    async with studio_at(tmp_path, monkeypatch) as studio:
        database = studio.paths.data / "studio.db"
        for number in (1, 2):
            await put(studio.gallery, studio.outputs().parent, number, asked("tea"))
        await studio.gallery.delete(await studio.gallery.search())
        assert trashed(database) == 2
        await fix(studio, "empty_trash")
        assert sorted(emptied) == ["00001.txt", "00002.txt"]
        assert trashed(database) == 0


def test_every_mending_is_tried_here() -> None:
    assert set(FIXES) == {"create_folders", "auto_device", "measure", "free_memory", "empty_trash"}


# --- what it asks -------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FileServer]:
    with contextlib.closing(FileServer()) as server:
        yield server


async def test_a_mirror_and_an_index_that_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    mirror, index = await asyncio.gather(
        reach("mirror", tmp_path, await usual_route(), seconds=60),
        reach("index", tmp_path, await usual_route(), seconds=60),
    )
    for answer in (mirror, index):
        assert (answer.error, answer.host) == ("", "127.0.0.1"), answer
        assert answer.seconds is not None
        assert abs(answer.ahead or 0.0) < 100  # the server's clock is this computer's
    assert {asked.path for asked in server.asked} == {"/", "/simple"}
    record = (tmp_path / "connections.jsonl").read_text(encoding="utf-8")
    assert record.count('"why":"doctor"') == 2


async def test_without_a_mirror_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    answer = await reach("mirror", tmp_path, await usual_route(), seconds=60)
    assert (answer.host, answer.error) == ("", "doctor.network.no_address")


async def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        answer = await reach("mirror", tmp_path, await usual_route(), seconds=60)
    assert answer.host == "127.0.0.1"
    assert answer.error
    assert answer.seconds is None


async def test_an_address_that_is_not_private_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example")
    answer = await reach("mirror", tmp_path, await usual_route(), seconds=60)
    assert "not private" in answer.error


async def test_one_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert (
            await reach("mirror", tmp_path, await usual_route(), seconds=0.2)
        ).error == "doctor.network.late"
        answer = await reach("mirror", tmp_path, await usual_route(), seconds=60)  # its own limit
        assert time.monotonic() - began < 50
    assert answer.error


async def test_one_that_crashes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching.sys, "executable", shutil.which("false"))
    assert await reach("hub", tmp_path, await usual_route(), seconds=60) == Reached(
        error="doctor.network.crashed"
    )


# --- the report ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_report_names_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "wanglei")
    monkeypatch.setattr(socket, "gethostname", lambda: "lei-laptop")
    home = tmp_path / "home" / "wanglei"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    set_language(language)
    patient = case(
        home / "studio",
        outputs=Path("/media/wanglei/disk/out"),
        reached={
            "hub": Reached(host="hub.lei.example", error="hub.lei.example refused 10.1.2.3"),
            "mirror": Reached(host="mirror.lei.example", seconds=0.1),
        },
        process_name=lambda _: "lei-laptop-agent",
        machine=machine(
            card(
                usable=False,
                reason="GPU-12345678-1234-1234-1234-123456789abc of wanglei@lei.example is lost",
            ),
            os="Debian on lei-laptop",
        ),
    )
    diagnosis = Diagnosis(findings=run(patient), taken=1.8e9, seconds=1.0)
    said = [f"{finding.why} {finding.how}" for finding in diagnosis.findings]
    assert "wanglei" in " ".join(said), "there is nothing to take out"
    text = report(diagnosis, patient.machine)
    for secret in (str(home), "wanglei", "lei-laptop", "lei.example", "10.1.2.3", "12345678-1234"):
        assert secret not in text, secret
    assert "~" in text
    words = {"en": ("Graphics cards", "Wrong", "to look at"), "zh_CN": ("显卡", "有问题", "需留意")}
    assert all(word in text for word in words[language])


@pytest.mark.parametrize(
    "text",
    [
        "from 192.168.1.7 on",
        "at 00:1a:2b:3c:4d:5e now",
        "fe80::1ff:fe23:4567:890a is it",
        "2001:db8:85a3:0:0:8a2e:370:7334",
        "me@example.org wrote",
        "Serial Number: C02XK1ABJGH5",
        "GPU-0b1c2d3e-1111-2222-3333-444455556666",
    ],
)
def test_addresses_and_serial_numbers_are_taken_out(text: str) -> None:
    cleaned = without_addresses(text)
    assert "[address]" in cleaned or "[serial]" in cleaned
    assert not any(part in cleaned for part in ("192", "1a:2b", "fe23", "8a2e", "me@", "C02X", "0b1c"))


@pytest.mark.parametrize(
    "text",
    [
        "driver 580.95.05",
        "torch 2.13.0+cu128",
        "2026-11-28 00:43",
        "Windows 10.0.26100.4652",
        "08:30:15",
        "std::bad_alloc",
    ],
)
def test_versions_and_times_stay(text: str) -> None:
    assert without_addresses(text) == text
