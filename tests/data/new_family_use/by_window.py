"""Uses the new family in the window: chooses it, types, clicks, drops a result, and reads the fields."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from qasync import QEventLoop

from studio.app import theme
from studio.app.desk import Desk
from studio.app.form import Form
from studio.app.frame import Frame
from studio.services.paths import Paths
from studio.services.studio import Studio


async def until(ready: Callable[[], Any]) -> None:
    async with asyncio.timeout(120):
        while not ready():
            await asyncio.sleep(0.05)


async def main() -> dict[str, Any]:
    studio = Studio(Paths.default().create(), offline=True)
    desk = Desk(studio)
    frame = Frame(desk)
    frame.window.show()
    living = asyncio.ensure_future(frame.live())
    await until(lambda: living.done() or frame.window.made_panels())
    if living.done():
        living.result()
    panel: Any = frame.window.go("draw")
    panel.picker.changed.emit("dice")
    form = panel.inspector.findChild(Form)
    editor: Any = form.field("dice").editor
    editor.selectAll()
    QTest.keyClicks(editor, "40d9\r")
    words = [label.text() for label in form.field("dice").findChildren(QLabel) if label.isVisible()]
    editor.selectAll()
    QTest.keyClicks(editor, "4d9\r")
    panel.prompt.button.click()
    await until(lambda: studio.queue.jobs and studio.queue.jobs[-1].state.ended)
    job = studio.queue.jobs[-1]
    editor.selectAll()
    QTest.keyClicks(editor, "1d2\r")
    frame.window.files_dropped.emit([Path(job.artifacts[0].path)])
    await until(lambda: form.field("dice").editor.text() != "1d2")
    seen = {
        "state": job.state,
        "request": job.request.values,
        "artifacts": [artifact.media_type for artifact in job.artifacts],
        "prompt": panel.prompt.area.isVisible(),
        "label": form.field("dice").label.text(),
        "refused": words,
        "restored": panel.making.form.values(),
    }
    frame.window.close()
    await living
    await studio.close()
    frame.window.finish()
    return seen


app = QApplication([sys.argv[0], *theme.STYLE])
app.setQuitOnLastWindowClosed(False)
theme.install(app, "light")
with QEventLoop(app) as loop:
    asyncio.set_event_loop(loop)
    print(json.dumps(loop.run_until_complete(main())))
