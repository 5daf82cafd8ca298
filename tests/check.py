"""Every static check, for a developer and for CI: `.venv/bin/python tests/check.py [NAME ...] [--fix]`.

Prints one line a check, and what a failed one found. Exit code 1 when any failed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST_FILE = 60_000_000
LARGEST_CLONE = 150_000_000
FEWEST_ANALYSED = 100  # import-linter has seen the whole studio, and not an empty folder

# The one file that may name where packages come from, for it is data that a user may change.
ADDRESSES = Path("installer/indexes.json")
FORBIDDEN = {
    "a registry's host": re.compile(
        r"\b(?:pypi|pythonhosted|npmjs|pytorch|debian|ubuntu)\.(?:org|com)\b", re.IGNORECASE
    ),
    "a path of one machine": re.compile(
        r"(?<![\w.~-])/(?:work|root|farm)/|/tmp/(?:bash|brief)|/home/(?!user/|me/)\w+/"
    ),
}


class Failed(Exception):
    """A check found something; the message is what."""


def program(*arguments: str) -> str:
    """The output of a program of this environment. Raises Failed with it when the program does."""
    scripts = Path(sysconfig.get_path("scripts"))
    command = [str(scripts / arguments[0]), *arguments[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{done.stdout}{done.stderr}")
    return done.stdout


def check_format() -> None:
    """ruff format."""
    program("ruff", "format", "--check", "--quiet", "--diff", ".")


def check_lint() -> None:
    """ruff check."""
    program("ruff", "check", "--quiet", "--output-format", "concise", ".")


def check_types() -> None:
    """pyright, strict where pyproject.toml says so."""
    program("pyright", "--pythonpath", sys.executable)


def check_layers() -> None:
    """import-linter, over at least every module of the studio."""
    output = program("lint-imports", "--no-logo", "--no-cache")
    found = re.search(r"Analyzed (\d+) files", output)
    analysed = int(found[1]) if found else 0
    expected = max(FEWEST_ANALYSED, sum(1 for _ in (ROOT / "studio").rglob("*.py")))
    if analysed < expected:
        raise Failed(f"import-linter analysed {analysed} files; the studio has {expected}")


def check_words() -> None:
    """No host of a registry and no path of a machine in any file of the repository."""
    found = [
        f"{name}:{number}: {what}: {line.strip()[:120]}"
        for name in tracked()
        if name != ADDRESSES
        for number, line in enumerate(text_of(ROOT / name).splitlines(), 1)
        for what in forbidden_words(line)
    ]
    if found:
        raise Failed("\n".join(found))


def forbidden_words(line: str) -> list[str]:
    """What *line* names that it must not."""
    return [what for what, pattern in FORBIDDEN.items() if pattern.search(line)]


def check_sizes() -> None:
    """No file that a clone would regret, and a clone that stays small."""
    sizes = {name: (ROOT / name).stat().st_size for name in tracked()}
    large = [f"{name}: {size / 1e6:.0f} MB" for name, size in sizes.items() if size > LARGEST_FILE]
    if sum(sizes.values()) > LARGEST_CLONE:
        large.append(f"all files together: {sum(sizes.values()) / 1e6:.0f} MB")
    if large:
        raise Failed("\n".join(large))


CHECKS: dict[str, Callable[[], None]] = {
    "format": check_format,
    "lint": check_lint,
    "types": check_types,
    "layers": check_layers,
    "words": check_words,
    "sizes": check_sizes,
}


def tracked() -> Iterable[Path]:
    """The files of the repository that are there, relative to its root."""
    command = ["git", "ls-files", "-z"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in output.split("\0") if name and (ROOT / name).is_file()]


def text_of(file: Path) -> str:
    """The text of *file*; nothing for one that is not text."""
    head = file.read_bytes()[:8192]
    return "" if b"\0" in head else file.read_text(encoding="utf-8", errors="replace")


def main() -> int:
    """Run the named checks, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CHECKS))
    parser.add_argument("--fix", action="store_true", help="first let ruff mend what it can")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - CHECKS.keys():
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    if arguments.fix:
        for mending in (["check", "--fix"], ["format"]):
            subprocess.run([sys.executable, "-m", "ruff", *mending, "--quiet", "."], cwd=ROOT, check=False)
    failed = 0
    for name in arguments.names or CHECKS:
        began = time.monotonic()
        try:
            CHECKS[name]()
        except Failed as failure:
            failed += 1
            print(f"✗ {name}\n{failure}", flush=True)
        else:
            print(f"✓ {name:8} {time.monotonic() - began:5.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
