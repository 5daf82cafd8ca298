"""The program's own start: a window before any service, and nothing lost that is clicked in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# Runs the real `main` and calls `look` once after the first paint, then `done` again and again until it
# returns something. The services are held back until `look` was called, however slow this computer is.
STAGE = """
import json, os, sys, threading, time
import studio.app.main as program
from PySide6.QtCore import QTimer
from studio.__main__ import main

late = time.monotonic() + 60
looked = threading.Event()
real = program.import_module
program.import_module = lambda name: (looked.wait(30), real(name))
opened, shells, seen = program._open, [], {}

def open_(app, desk):
    shell = opened(app, desk)
    shells.append(shell)
    QTimer.singleShot(program._BREATH_MS + 200, app, first)
    return shell

def first():
    shell = shells[0]
    seen["early"] = [name for name in ("asyncio", "studio.services.studio") if name in sys.modules]
    seen["home"] = shell.window.current.value
    try:
        look(shell, seen)
    finally:
        looked.set()
        poll.start(20)

def again():
    if time.monotonic() > late:
        print("too late", seen, file=sys.stderr, flush=True)
        os._exit(3)
    if done(shells[0], seen):
        poll.stop()
        print(json.dumps(seen), flush=True)
        shells[0].window.close()

poll = QTimer()
poll.timeout.connect(again)
program._open = open_
sys.argv[1:] = ["--offline"]
"""


def start(home: Path, code: str) -> dict[str, Any]:
    """What the stage has seen; the program ended in order."""
    environment = {
        **os.environ,
        "STUDIO_HOME": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "LANG": "en_US.UTF-8",
    }
    ran = subprocess.run(
        [sys.executable, "-c", f"{STAGE}\n{code}\nsys.exit(main())"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return json.loads(ran.stdout) if ran.stdout else {}


def test_home_is_there_before_any_service_and_what_is_clicked_then_is_done(tmp_path: Path) -> None:
    seen = start(
        tmp_path,
        """
def look(shell, seen):
    shell.window.rail.chosen.emit("draw")
    shell.strip.queue_requested.emit(None)
    seen["at once"] = shell.window.current.value

def done(shell, seen):
    seen["then"] = shell.window.current.value
    return seen["then"] == "draw" and shell.queue is not None and shell.queue.isVisible()
""",
    )
    assert seen["early"] == []
    assert seen["home"] == seen["at once"] == "home"
    assert seen["then"] == "draw"


def test_a_welcome_can_be_ended_before_the_services_are_there(tmp_path: Path) -> None:
    seen = start(
        tmp_path,
        """
def look(shell, seen):
    panel = shell.window.panel("home")
    panel.welcome.languages.buttons()[1].click()
    panel.welcome.start.click()
    seen["early speed"] = panel.overview.cards["image"]._speed.text()

def done(shell, seen):
    overview = shell.window.panel("home").overview
    seen["speed"] = overview.cards["image"]._speed.text()
    seen["machine"] = overview.abilities._machine.text()
    return seen["machine"]
""",
    )
    assert seen["early speed"] == ""
    assert seen["speed"] != ""
    assert "GB" in seen["machine"]
    assert json.loads((tmp_path / "config" / "settings.json").read_text())["language"] == "zh_CN"


def test_a_window_closed_at_once_ends_the_program(tmp_path: Path) -> None:
    seen = start(
        tmp_path,
        """
def look(shell, seen):
    print(json.dumps(seen), flush=True)
    shell.window.close()

def done(shell, seen):
    return False
""",
    )
    assert seen["early"] == []
    assert not (tmp_path / "data" / "studio.db").exists()
    assert list((tmp_path / "logs").glob("crash-*")) == []


def test_what_cannot_start_is_said_in_the_window_that_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "data" / "studio.db").mkdir(parents=True)
    seen = start(
        tmp_path,
        """
def look(shell, seen):
    shell.window.rail.chosen.emit("settings")

def done(shell, seen):
    seen["banner"], seen["then"] = shell.window.banner.isVisible(), shell.window.current.value
    return seen["banner"] and seen["then"] == "settings"
""",
    )
    assert seen["banner"]
    assert seen["then"] == "settings"


FEATURES = """
{first}
import linecache
from studio.app.widgets.chips import Chip
print(sum("studio" in name for name in linecache.cache))
"""


def test_qt_does_not_read_the_sources_of_what_is_imported_after_it() -> None:
    """It does for the optional features that nobody here uses; that takes time at every start."""

    def sources_read(first: str) -> int:
        code = FEATURES.format(first=first)
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
        return int(ran.stdout)

    assert sources_read("") == 0
    back = "import PySide6.QtCore; from shibokensupport import feature; kept = feature._mod_uses_pyside"
    back += "; import studio.app; feature._mod_uses_pyside = kept"
    assert sources_read(back) > 0  # negative control: what it does by itself
