"""How late an event loop is, beside a bare Qt loop that runs under the same load.

A timer asks to be called every few milliseconds. A loop that was held up for long missed many calls:
each of them counts, as late as it would have been.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Qt, QTimer

INTERVAL = 5  # milliseconds

_BARE = """
import json, sys, threading
from PySide6.QtCore import QMetaObject, Qt
from PySide6.QtWidgets import QApplication, QWidget
from tests.bench.lateness import Watch
app = QApplication(sys.argv[:1])
window = QWidget()
window.show()
watch = Watch()
print("ready", flush=True)
def leave():
    sys.stdin.read()
    QMetaObject.invokeMethod(app, "quit", Qt.ConnectionType.QueuedConnection)  # never waiting for the loop
threading.Thread(target=leave, daemon=True).start()
app.exec()
print(json.dumps(watch.stop().late))
"""


@dataclass(frozen=True)
class Lateness:
    """Milliseconds, one for each call that was due."""

    late: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        return max(self.late, default=0.0)

    def percentile(self, share: float) -> float:
        """What *share*, 0..1, of the calls was at most late."""
        ordered = sorted(self.late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Watch(QObject):
    """Measures the loop of the thread that makes it until `stop`."""

    def __init__(self) -> None:
        super().__init__()
        self._late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._called)
        self._timer.start()

    def _called(self) -> None:
        now = time.perf_counter()
        late = (now - self._last) * 1000 - INTERVAL
        self._last = now
        while late > INTERVAL:
            self._late.append(late)
            late -= INTERVAL
        self._late.append(max(0.0, late))

    def stop(self) -> Lateness:
        self._timer.stop()
        return Lateness(self._late)


@contextmanager
def control() -> Iterator[Lateness]:
    """A bare Qt loop in a process of its own; its lateness is known when the block has ended."""
    found = Lateness()
    process = subprocess.Popen(
        [sys.executable, "-c", _BARE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield found
        said, _ = process.communicate(timeout=60)
        found.late.extend(json.loads(said))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def bar(figure: float, control: float) -> float:
    """A figure in milliseconds may be as large as it says, or half more than the control's."""
    return max(figure, 1.5 * control)
