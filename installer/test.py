"""`python3 installer/test.py`: set everything up, then run the tests. Arguments go to pytest.

`--all` adds the static checks, the heavy tests and one short run of each bench: what CI runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # said here, because an older Python cannot read the rest
    sys.exit("AIGC Studio needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import subprocess
import time

from installer import environment, say
from installer.venv import ROOT

OPTIONS = {"--all", "--cpu", "--recreate", "--help"}


def main(arguments: list[str]) -> int:
    """Our own options come first; everything after them is pytest's."""
    options: set[str] = set()
    while arguments and arguments[0] in OPTIONS:
        options.add(arguments.pop(0))
    if "--help" in options:
        say.plain(say.t("help.test"))
        return 0
    python = environment.ensure(tests=True, cpu="--cpu" in options, recreate="--recreate" in options)
    pytest = [str(python), "-m", "pytest"]
    # One file stays in one process, so that what a file sets up is set up once and its order is kept.
    fast = [*pytest, "-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile", *arguments]
    if "--all" not in options:
        return run_stage(fast)
    slowest = ["--durations=20", "--durations-min=0.5"]
    # Fetched once, by the test of fetching, for everything after it.
    os.environ.setdefault("STUDIO_TEST_MODELS", str(ROOT / ".starters"))
    stages = {
        "checks": [str(python), "tests/check.py"],
        "tests": [*fast, *slowest],
        "starters": [*pytest, "-m", "heavy", "tests/services/test_starters.py"],
        "heavy": [*pytest, "-m", "heavy", *slowest, *arguments],
    }
    if (ROOT / "tests" / "bench" / "__main__.py").exists():
        stages["bench"] = [str(python), "-m", "tests.bench", "--short"]
    return run_all(stages)


def run_all(stages: dict[str, list[str]]) -> int:
    """Every stage, also after one that failed, so that one run tells all. 1 when any failed."""
    rows: list[tuple[str, int, float]] = []
    for name, command in stages.items():
        say.plain(f"\n━━ {name}")
        began = time.monotonic()
        rows.append((name, run_stage(command), time.monotonic() - began))
    say.plain("")
    for name, code, seconds in rows:
        say.plain(f"{'✓' if code == 0 else '✗'} {name:8} {seconds:7.1f} s" + (f"   ({code})" if code else ""))
    return 1 if any(code for _, code, _ in rows) else 0


def run_stage(command: list[str]) -> int:
    """The exit code of *command*, run in the checkout without a keyboard."""
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(say.guard(main, sys.argv[1:]))
