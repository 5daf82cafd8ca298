"""`studio bench`: measure what this computer can do, and how right its plans are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from studio.cli import terminal
from studio.cli.options import Misuse
from studio.cli.session import Bar, open_studio, run_async
from studio.domain.measurement import BUSY, Compiler, Measurements, Setting
from studio.domain.quantity import duration, size
from studio.domain.text import t

SOURCES = Path(__file__).resolve().parents[2]
DEVICE = re.compile(r"auto|cpu|mps|(?:cuda|xpu):\d{1,2}")


def measure(device: str, *, compiler: bool, as_json: bool) -> int:
    """Measure *device*, keep what was found, and show it."""
    if not DEVICE.fullmatch(device):
        raise Misuse(t("cli.usage.device", device=device))
    found, kept = run_async(_measure(device, compiler=compiler))
    if as_json:
        terminal.print_json(msgspec.to_builtins(found))
    else:
        _show(found)
    if not kept:
        terminal.warn(t("cli.bench.kept"))
    return terminal.DONE


def validate(words: Sequence[str]) -> int:
    """Compare plans with what real jobs take; *words* go to the bench, which is part of the sources only."""
    if not (SOURCES / "tests" / "bench" / "plan" / "__main__.py").is_file():
        raise terminal.Refusal("internal", t("cli.bench.no_sources"), t("cli.bench.no_sources.hint"))
    command = [sys.executable, "-m", "tests.bench.plan", *words]
    return subprocess.run(command, cwd=SOURCES, check=False).returncode


async def _measure(device: str, *, compiler: bool) -> tuple[Measurements, bool]:
    """What was found, and whether it is kept: not if it is doubtful and there were sound figures."""
    bar = Bar()
    try:
        async with open_studio(offline=True) as studio:
            bar.show(t("bench.section.load"), None, "")
            found = await studio.measure(
                device,
                lambda section, done: bar.show(t(f"bench.section.{section}"), done, ""),
                compiler=compiler,
            )
            assert studio.machine  # it was read to measure
            return found, studio.measurements.load(found.device, studio.machine) == found
    finally:
        bar.close()


def _show(found: Measurements) -> None:
    table = terminal.table("", "")
    table.show_header = False
    table.add_row(t("cli.bench.device"), f"{found.device}, {found.name}")
    table.add_row(t("cli.bench.threads"), str(found.threads))
    for kind, speed in found.matmul.items():
        table.add_row(t("cli.bench.matmul", type=kind), f"{2 * speed / 1e9:,.0f} GFLOP/s")
    table.add_row(t("cli.bench.memory"), f"{found.memory_bandwidth / 1e9:.1f} GB/s")
    if found.disk_read:
        table.add_row(t("cli.bench.disk"), f"{found.disk_read / 1e9:.2f} GB/s{_cached(found)}")
    table.add_row(t("cli.bench.best"), _words(found.best))
    if found.compiler is not None:
        table.add_row(t("cli.bench.compiler"), _compiler(found.compiler))
    terminal.out().print(table)
    terminal.out().print(_nets(found))
    terminal.out().print(_libraries(found))
    terminal.say(t("cli.bench.taken", time=duration(found.seconds)))
    if found.throttled:
        terminal.warn(t("cli.bench.throttled"))
    if found.others > BUSY:
        terminal.warn(t("cli.bench.busy", percent=round(100 * found.others)))


def _nets(found: Measurements) -> Table:
    table = terminal.table(t("cli.bench.net"), t("cli.bench.setting"), f">{t('cli.bench.step')}")
    for one in found.references:
        table.add_row(t(f"bench.net.{one.net}"), _words(one.setting), _milliseconds(one.seconds))
    return table


def _libraries(found: Measurements) -> Table:
    table = terminal.table(t("cli.bench.family"), f">{t('cli.bench.import')}", f">{t('cli.bench.resident')}")
    for name, library in found.libraries.items():
        table.add_row(t(f"family.{name}"), _milliseconds(library.seconds), size(library.bytes))
    return table


def _compiler(compiler: Compiler) -> str:
    if compiler.reason:
        return t("cli.bench.compiler.none", reason=compiler.reason)
    share, time = f"{100 * compiler.ratio:.0f}", duration(compiler.seconds)
    return t("cli.bench.compiler.found", percent=share, time=time)


def _words(setting: Setting) -> str:
    parts = [setting.precision, t("cli.bench.n_threads", n=setting.threads)]
    if setting.channels_last:
        parts.append(t("cli.bench.channels_last"))
    return ", ".join(parts)


def _cached(found: Measurements) -> str:
    disk = found.details.get("disk") or {}
    return f" ({t('cli.bench.cached')})" if disk.get("cached") else ""


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"
