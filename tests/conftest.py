"""What every test gets: coroutines run, warnings fail, nothing touches the network or the user's folders."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
import pytest_socket
from keyring.backends.fail import Keyring as NoKeyring

from studio.domain import text
from tests.known_warnings import KNOWN

PATIENCE = 60.0  # seconds for one coroutine test; a hang, not a slow machine, is what it catches
LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_configure(config: pytest.Config) -> None:
    for known in KNOWN:
        config.addinivalue_line("filterwarnings", known.filter)
    config.addinivalue_line("markers", "logs: warnings in the log are part of this test")
    # Nobody's keyring, here and in every process that a test starts.
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    keyring.set_keyring(NoKeyring())


def pytest_collection_finish() -> None:
    """What is imported by now stays: whoever collects garbage in a test need not look through all of it.

    From here on it is collected between tests only: where a thread does it, Qt's objects go in that thread,
    which brings the process down.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    gc.collect(2 if nextitem is None or nextitem.path != item.path else 0)


def pytest_runtest_setup() -> None:
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test on a fresh loop, or on the one of the fixture `qloop` where there is one."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    loop = pyfuncitem.funcargs.get("qloop")
    if loop is None:
        asyncio.run(_watched(pyfuncitem.obj(**arguments)))
    else:
        loop.run_until_complete(_watched(pyfuncitem.obj(**arguments)))
    return True


async def _watched(test) -> None:
    async with asyncio.timeout(PATIENCE):
        await test
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    assert not left, f"tasks that nobody ended: {left}"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture(autouse=True)
def _own_trash(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests remove does not come into the user's trash."""

    def discard(path: Path) -> None:
        shutil.move(path, tmp_path_factory.mktemp("trash") / Path(path).name)

    monkeypatch.setattr("send2trash.send2trash", discard)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    text.set_language("en")
    yield
    text.set_language("en")


@pytest.fixture(autouse=True)
def _no_unexpected_log(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A warning in the log fails the test, unless it asks for `caplog` to look itself or is marked `logs`."""
    yield
    looks = "caplog" in request.node._fixtureinfo.argnames
    if not looks and request.node.get_closest_marker("logs") is None:
        records = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
        assert not records, [f"{record.name}: {record.getMessage()}" for record in records]


@pytest.fixture(autouse=True)
def _no_left_thread() -> Iterator[None]:
    """A thread that a test started and that can keep the program from ending fails it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while left := [t for t in threading.enumerate() if t not in before and not t.daemon]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads that nobody ended: {left}")
        time.sleep(0.02)


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def python() -> str:
    """This interpreter."""
    return sys.executable
