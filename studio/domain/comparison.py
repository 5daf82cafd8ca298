"""What a model was before and is after the workshop had it: measured, saved beside it, and put into words."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

FORMAT = 1
REPORT = "report/report.json"
LINEAGE = "lineage.json"
SAME = 0.03  # less of a difference than this is what two measurements of one thing differ by
DAMAGED = {
    "psnr": 20.0,
    "perplexity": 1.25,
}  # below this many dB, above this ratio: seen without looking twice


class Measured(Struct, frozen=True, kw_only=True):
    """One model. `bytes` on disk. Of a fresh engine: `load_seconds`, with its libraries, `peak_ram_bytes`,
    `seconds` of a result once loaded, and `per_second` tokens of a text.

    `perplexity` by language of the bundled text. `files`: what it made, beside the report. None, empty:
    not measured.
    """

    bytes: int
    load_seconds: float | None = None
    peak_ram_bytes: int | None = None
    seconds: float | None = None
    per_second: float | None = None
    perplexity: dict[str, float] = {}
    files: tuple[str, ...] = ()


class Note(Struct, frozen=True, kw_only=True):
    """A text key with its values: what the method has to say of its result."""

    key: str
    values: dict[str, str] = {}


class Lineage(Struct, frozen=True, kw_only=True):
    """How a model was made: by which `method` of which version, of what, with which settings and libraries.

    `made_from`: the id of the model, `path` where it lay, `title` its name. `made`: POSIX seconds.
    """

    method: str
    made_from: str
    title: str
    path: str
    values: dict[str, Any]
    made: float
    version: str
    libraries: dict[str, str]
    format: int = FORMAT


class Report(Struct, frozen=True, kw_only=True):
    """`likeness` compares the results of both: "psnr" in dB, "ssim" in -1..1, "perceptual" from 0, "mel" in
    dB, "cosine" of outputs. `figures`: what else the method measured, by name. `picture`: both side by side.
    `parameters`: how the result narrows its family's, as a manifest's models do.
    """

    name: str
    lineage: Lineage
    before: Measured
    after: Measured
    likeness: dict[str, float] = {}
    figures: dict[str, float] = {}
    notes: tuple[Note, ...] = ()
    picture: str = ""
    parameters: dict[str, dict[str, Any] | None] = {}
    format: int = FORMAT


class Change(NamedTuple):
    """One line of the comparison. `better` is None where nothing changed, or nobody can say."""

    name: str
    before: float
    after: float
    better: bool | None

    @property
    def ratio(self) -> float:
        return self.after / self.before if self.before else float("inf")


def changes(report: Report) -> list[Change]:
    """What was measured of both, in the order in which it is shown."""
    pairs: list[tuple[str, float | None, float | None, bool]] = [
        ("bytes", report.before.bytes, report.after.bytes, True),
        ("peak_ram_bytes", report.before.peak_ram_bytes, report.after.peak_ram_bytes, True),
        ("load_seconds", report.before.load_seconds, report.after.load_seconds, True),
        ("seconds", report.before.seconds, report.after.seconds, True),
        ("per_second", report.before.per_second, report.after.per_second, False),
    ]
    for language, before in report.before.perplexity.items():
        pairs.append((f"perplexity_{language}", before, report.after.perplexity.get(language), True))
    return [
        Change(name, before, after, _better(before, after, less))
        for name, before, after, less in pairs
        if before is not None and after is not None
    ]


def _better(before: float, after: float, less: bool) -> bool | None:
    if abs(after - before) <= SAME * abs(before):
        return None
    return (after < before) == less


def verdicts(report: Report) -> list[str]:
    """Text keys that say plainly what came of it, the bad first."""
    found = {change.name: change for change in changes(report)}
    said: list[str] = []
    likeness = report.likeness.get("psnr")
    worse = [
        c for name, c in found.items() if name.startswith("perplexity") and c.ratio > DAMAGED["perplexity"]
    ]
    if worse or (likeness is not None and likeness < DAMAGED["psnr"]):
        said.append("workshop.verdict.damaged")
    speed = found.get("per_second") or found.get("seconds")
    for change, word in (
        (speed, "speed"),
        (found.get("bytes"), "bytes"),
        (found.get("peak_ram_bytes"), "memory"),
    ):
        if change is not None:
            how = "same" if change.better is None else "better" if change.better else "worse"
            said.append(f"workshop.verdict.{word}.{how}")
    return sorted(said, key=lambda key: not key.endswith(("damaged", "worse")))
