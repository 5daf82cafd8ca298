"""`python3 installer/run.py`: set everything up, then open the studio or pass the arguments on to it."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # said here, because an older Python cannot read the rest
    sys.exit(
        "AIGC Studio needs Python 3.11 or newer; this is %d.%d. Install a newer one and start this with it.\n"
        "AIGC Studio 需要 Python 3.11 或更新版本。请安装新版本，再用它运行本程序。" % sys.version_info[:2]
    )
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import shlex
import subprocess

from installer import environment, libraries, say, shortcut, uninstall

OPTIONS = {"--cpu", "--recreate", "--shortcut", "--uninstall", "--help", "-h"}


def main(arguments: list[str]) -> int:
    """Our own options come first; from the first other argument on, everything is the studio's."""
    options: set[str] = set()
    while arguments and arguments[0] in OPTIONS:
        options.add(arguments.pop(0))
    if options & {"--help", "-h"}:
        say.plain(say.t("help.run"))
        return 0
    if "--uninstall" in options:
        return uninstall.uninstall()
    python = environment.ensure(cpu="--cpu" in options, recreate="--recreate" in options)
    if "--shortcut" in options:
        say.step("step.shortcut", path=shortcut.create(python))
        return 0
    if not arguments:
        _check_window()
    return start(python, arguments)


def _check_window() -> None:
    """Raises Problem when no window could open; the commands of the terminal need none of this."""
    if libraries.no_display():
        raise say.Problem("display")
    if missing := libraries.missing_for_window():
        raise say.Problem("libraries", libraries=" ".join(missing), command=libraries.command_for(missing))


def start(python: Path, arguments: list[str]) -> int:
    """Become the studio. On Windows, where a process cannot, wait for it."""
    command = [str(python), "-m", "studio", *arguments]
    # What the studio advises to type next begins as what was typed now.
    os.environ["STUDIO_PROGRAM"] = f"{Path(sys.executable).stem} {shlex.quote(sys.argv[0])}"
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(say.guard(main, sys.argv[1:]))
