"""Pictures of every panel, in both languages, both themes, at 100 and 150 percent, to be looked at.

    python tests/screenshots.py shots [--panels draw,models]

It is the real window with its own studio. Each scale runs in a process of its own, under Xvfb where there is
no display. The files are called `<panel>-<language>-<theme>-<percent>.png`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("en", "zh_CN")
THEMES = ("light", "dark")
SCALES = (100, 150)
SETTLE_SECONDS = 0.4  # for layouts, thumbnails and whatever a panel fetches when it is shown


def main() -> None:
    arguments = _read_arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.scale:
        _shoot(arguments)
        return
    for scale in SCALES:
        again = [sys.executable, __file__, *sys.argv[1:], "--scale", str(scale)]
        needs_display = sys.platform == "linux" and not os.environ.get("DISPLAY")
        if needs_display and shutil.which("xvfb-run"):
            again = ["xvfb-run", "-a", "-s", "-screen 0 2400x1500x24", *again]
        environment = {**os.environ, "QT_SCALE_FACTOR": str(scale / 100), "PYTHONPATH": str(ROOT)}
        if needs_display and not shutil.which("xvfb-run"):
            environment["QT_QPA_PLATFORM"] = "offscreen"
        subprocess.run(again, env=environment, check=True, cwd=ROOT)
    print(f"{len(list(arguments.folder.glob('*.png')))} pictures in {arguments.folder}")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=lambda text: Path(text).resolve())
    parser.add_argument("--panels", default="", help="keys or KEY/PAGE, separated by commas; all by default")
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("--scale", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _shoot(arguments: argparse.Namespace) -> None:
    from PySide6.QtWidgets import QApplication
    from qasync import QEventLoop

    from studio.app import motion, theme

    app = QApplication([sys.argv[0], *theme.STYLE])
    app.setQuitOnLastWindowClosed(False)
    motion.set_preference("reduced")
    theme.install(app, "light")
    with QEventLoop(app) as loop:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_shoot_all(arguments))


async def _shoot_all(arguments: argparse.Namespace) -> None:
    from tests.bench.window import opened

    with tempfile.TemporaryDirectory(prefix="shots-") as home:
        async with opened(Path(home)) as (_, frame):
            await _shoot_panels(arguments, frame.window)


async def _shoot_panels(arguments: argparse.Namespace, window: Any) -> None:
    from studio.app import language, theme

    width, height = map(int, arguments.size.split("x"))
    window.resize(width, height)
    wanted = arguments.panels.split(",") if arguments.panels else window.keys()
    for panel in wanted:
        window.go(panel)
        for lang in LANGUAGES:
            for look in THEMES:
                language.set_language(lang)
                theme.set_mode(look)
                await asyncio.sleep(SETTLE_SECONDS)
                file = arguments.folder / f"{panel.replace('/', '-')}-{lang}-{look}-{arguments.scale}.png"
                if not window.grab().save(str(file)):
                    raise OSError(f"{file} could not be written")


if __name__ == "__main__":
    main()
