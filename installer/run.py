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

from installer import collect, environment, libraries, offline, say, shortcut, uninstall

FLAGS = {"--cpu", "--recreate", "--shortcut", "--uninstall", "--help", "-h"}
WITH_VALUE = {"--bundle": "", "--models": "--bundle", "--from": "", "--to": "--from"}  # and what it goes with


def main(arguments: list[str]) -> int:
    """Our own options come first; from the first other argument on, everything is the studio's."""
    flags, values, words = parse(arguments)
    if flags & {"--help", "-h"}:
        say.plain(say.t("help.run"))
        return 0
    if "--uninstall" in flags:
        return uninstall.uninstall()
    if "--from" in values:
        return _from_bundle(Path(values["--from"]).absolute(), values.get("--to"), words)
    if "--bundle" in values:
        environment.ensure()
        folder = Path(values["--bundle"]).absolute()
        collect.collect(folder, models=values.get("--models"), cpu="--cpu" in flags)
        return 0
    python = environment.ensure(cpu="--cpu" in flags, recreate="--recreate" in flags)
    if "--shortcut" in flags:
        say.step("step.shortcut", path=shortcut.create(python))
        return 0
    if not words:
        _check_window()
    return start(python, words)


def parse(arguments: list[str]) -> tuple[set[str], dict[str, str], list[str]]:
    """Our flags, our options with their values, and the words for the studio. Raises Problem."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    words = list(arguments)
    while words:
        name, equals, value = words[0].partition("=")
        if name in FLAGS and not equals:
            flags.add(name)
        elif name in WITH_VALUE:
            if not equals:
                value = words.pop(1) if len(words) > 1 else ""
            if not value:
                raise say.Problem("option.value", option=name)
            values[name] = value
        else:
            break
        words.pop(0)
    for name in values:
        if (other := WITH_VALUE[name]) and other not in values:
            raise say.Problem("option.alone", option=name, other=other)
    return flags, values, words


def _from_bundle(folder: Path, target: str | None, words: list[str]) -> int:
    """Set up from the bundle in *folder*, in the folder *target* if one is named; then as ever."""
    if target is not None:
        program = offline.place_program(folder, Path(target).expanduser().absolute())
        return become([sys.executable, str(program), "--from", str(folder), *words])
    python = offline.install(folder)
    if words:
        return start(python, words)
    say.plain(say.t("bundle.start", command=f"{Path(sys.executable).stem} {shlex.quote(sys.argv[0])}"))
    return 0


def _check_window() -> None:
    """Raises Problem when no window could open; the commands of the terminal need none of this."""
    if libraries.no_display():
        raise say.Problem("display")
    if missing := libraries.missing_for_window():
        raise say.Problem("libraries", libraries=" ".join(missing), command=libraries.command_for(missing))


def start(python: Path, arguments: list[str]) -> int:
    """Become the studio."""
    # What the studio advises to type next begins as what was typed now.
    os.environ["STUDIO_PROGRAM"] = f"{Path(sys.executable).stem} {shlex.quote(sys.argv[0])}"
    return become([str(python), "-m", "studio", *arguments])


def become(command: list[str]) -> int:
    """Go on as *command*. On Windows, where a process cannot, wait for it."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(say.guard(main, sys.argv[1:]))
