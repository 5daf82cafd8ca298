"""How long until the window can be used, against a bare window with the same imports of Qt.

From the start of the process to the first turn of the event loop after the first panel was painted.
The bare window makes the same classes of Qt known: PySide6 builds each when it is first imported.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import pairs
from tests.bench.table import Row, judge

BAR = 1.6
ROOT = Path(__file__).resolve().parents[3]

_BARE = """
import sys, time
{imports}
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication(sys.argv[:1])
class Window(QWidget):
    def paintEvent(self, event):
        QTimer.singleShot(0, lambda: (print(time.monotonic(), flush=True), app.quit()))
window = Window()
window.resize(1440, 900)
window.show()
app.exec()
"""

_OURS = """
import gc, os, sys, time
gc.disable()  # this and the next, as studio.__main__ does
import studio.services.basis, studio.services.instance, studio.services.logs
from PySide6.QtCore import QEvent, QObject, QTimer
from studio.app.window import StudioWindow
def answer():
    now = time.monotonic()
    import json
    loaded = [m.__file__ for n, m in sys.modules.items() if n.startswith("studio.app")]
    print(now, json.dumps(loaded), flush=True)
    os._exit(0)
class Painted(QObject):
    def eventFilter(self, window, event):
        if event.type() == QEvent.Type.Paint:  # the window's own, before those of all that is seen on it
            window.removeEventFilter(self)
            QTimer.singleShot(0, answer)
        return False
painted, go = Painted(), StudioWindow.go
def watched(self, key):
    panel = go(self, key)
    self.installEventFilter(painted)
    return panel
StudioWindow.go = watched
from studio.__main__ import main
sys.argv[1:] = ['--offline']
main()
"""


def measure(short: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = {
            **os.environ,
            "STUDIO_HOME": str(Path(folder) / "home"),
            "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled"),  # as installed: nothing is compiled anew
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        loaded = json.loads(_start(_OURS, environment)[1])
        bare = _BARE.format(imports="\n".join(qt_imports([Path(file) for file in loaded if file])))
        _start(bare, environment)
        _start(_OURS, environment)
        took = pairs.measure(
            lambda: _start(bare, environment)[0],
            lambda: _start(_OURS, environment)[0],
            pairs=3 if short else 2 * pairs.PAIRS,
        )
    seconds = sorted(took.ours)[len(took.ours) // 2]
    return [
        Row(
            "time to an interactive window : a bare one",
            f"≤ {BAR}",
            f"{took.ratio:.2f} ({seconds * 1000:.0f} ms)",
            took.spread,
            judge(took.ratio, BAR, short=short, noisy=took.noisy),
        )
    ]


def qt_imports(files: list[Path]) -> list[str]:
    """The statements in *files* that import from Qt when the module itself is imported."""
    names: dict[str, set[str]] = {}
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PySide6."):
                names.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
    return [f"from {module} import {', '.join(sorted(found))}" for module, found in sorted(names.items())]


def _start(code: str, environment: dict[str, str]) -> tuple[float, str]:
    """Seconds until the process says that its window answers, and what else it says."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode or not done.stdout:
        raise RuntimeError(done.stderr)
    moment, _, rest = done.stdout.partition(" ")
    return float(moment) - began, rest
