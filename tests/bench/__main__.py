"""Measures what the studio must reach, and prints it as one table.

    python -m tests.bench                  everything, with enough pairs to believe it
    python -m tests.bench --short          one quick run of each; fails only at twice a bar that is not open
    python -m tests.bench opening memory   some of it

Each file of `rows/` is measured in a process of its own. Nothing is fetched: where no text model is
installed (`STUDIO_HOME`, `STUDIO_TEST_MODELS`), one with random weights is built.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studio.engine import lifeline
from tests.bench.table import Row, machine, table

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "opening",
    "clean",
    "smooth",
    "writing",
    "drawing",
    "cancelling",
    "killing",
    "memory",
    "planning",
    "quantizing",
)
PATIENCE = 3600.0  # seconds for one file of rows
SHORT_PATIENCE = 150.0  # in a short run; what takes longer there is not measured, and says so
PATIENT = {"planning": 900.0}  # but for these
# Bars that are known to be missed, and why. A short run prints them and does not fail for them.
OPEN = {
    "planning": "few points, once each, say little: `python -m tests.bench.plan` is the whole comparison",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--short", action="store_true", help="one quick run of each")
    parser.add_argument("--write", type=Path, help="also write the table into this file")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # measure here, results into the file
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.one:
        lifeline.die_with_parent(os.getppid())
        rows = importlib.import_module(f"tests.bench.rows.{arguments.names[0]}").measure(arguments.short)
        arguments.one.write_text(json.dumps([dataclasses.asdict(row) for row in rows]))
        return 0
    return _all(arguments.names or NAMES, short=arguments.short, file=arguments.write)


def _all(names: list[str] | tuple[str, ...], *, short: bool, file: Path | None) -> int:
    where = machine()
    rows: list[Row] = []
    for name in names:
        began = time.monotonic()
        new = _one(name, short=short)
        if short and name in OPEN:
            new = [row if row.verdict == "met" else _open(row, name) for row in new]
        rows += new
        print(f"{name}: {time.monotonic() - began:.0f} s", *new, sep="\n", file=sys.stderr, flush=True)
    print(f"\n{where}\n\n{table(rows)}", flush=True)
    if file is not None:
        kind = "python -m tests.bench" + (" --short" if short else "")
        file.write_text(f"# What was measured\n\nBy `{kind}`, {where}.\n\n{table(rows)}\n", encoding="utf-8")
    return int(any(row.failed for row in rows if row.verdict == "missed" or not short))


def _open(row: Row, name: str) -> Row:
    return dataclasses.replace(row, verdict=f"open: {OPEN[name]}")


def _one(name: str, *, short: bool) -> list[Row]:
    """The rows of one file. One that breaks is a row too, and the others still come."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "tests.bench", name, "--one", str(results)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
        patience = PATIENT.get(name, SHORT_PATIENCE) if short else PATIENCE
        try:
            subprocess.run(
                command + ["--short"] * short,
                cwd=ROOT,
                env=environment,
                stdout=sys.stderr,
                timeout=patience,
                check=True,
            )
            return [Row(**row) for row in json.loads(results.read_text())]
        except (subprocess.SubprocessError, OSError) as error:
            if short and isinstance(error, subprocess.TimeoutExpired):
                return [Row(name, "", "", f"over {patience:.0f} s", "not measured")]
            return [Row(name, "", "", f"ended with {getattr(error, 'returncode', error)}", "broken")]


if __name__ == "__main__":
    sys.exit(main())
