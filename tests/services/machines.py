"""Other computers, from `tests/data/machines/*.json`: to be replayed, and to be spoilt.

A fixture says where its text comes from (`source` and `date`, or the `documentation` it follows), which of
its `readings` stand there word for word (`verbatim`) or were made from the text in `log` (`derived`), and
what is to be read from it (`expected`, written from the log). Texts are kept as lines.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.machine import Machine, preferred
from studio.services.machine import Replay, read_machine

FOLDER = Path(__file__).parents[1] / "data" / "machines"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
TEXTS = ("text", "command")
TABLES = ("nvml", "opencl", "windows_cpu", "windows_displays", "windows_accelerators", "memory")


def load(name: str) -> dict[str, Any]:
    fixture = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    readings = fixture["readings"]
    for key, value in readings.items():
        if key.split()[0] in TEXTS:
            readings[key] = "\n".join(value) + "\n"
    return fixture


def replay(readings: dict[str, Any]) -> Machine:
    folders = [Path(key.removeprefix("disk ")) for key in readings if key.startswith("disk ")]
    return read_machine(*folders, sources=Replay(readings))


def facts(machine: Machine) -> dict[str, Any]:
    """As JSON, with the name of the accelerator that is chosen."""
    best = preferred(machine)
    plain = json.loads(msgspec.json.encode(machine))
    return {**plain, "preferred": best.name if best else None}


def differences(expected: Any, got: Any, where: str = "") -> list[str]:
    """What of *expected* is otherwise in *got*. Lists have to be as long; further facts may be there."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return [
            line for key in expected for line in differences(expected[key], got.get(key), f"{where}.{key}")
        ]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for n, (a, b) in pairs for line in differences(a, b, f"{where}[{n}]")]
    return [] if expected == got else [f"{where}: {got!r} instead of {expected!r}"]


# --- spoiling ---------------------------------------------------------------------------------------

Spoil = Callable[[str, random.Random], str]
GARBAGE = ("9x7#", "-5", "1e9", "--", "∞", "12a4", "0x", "99999999999999999999999")
# As programs say it in other languages.
LABELS = {
    "MemTotal": "SpeicherGesamt", "MemAvailable": "MemDisponible", "SwapTotal": "交换总量",
    "CPU(s)": "CPU 数量", "Model name": "Modellname", "L1d": "L1d-Puffer", "L2": "L2-Puffer",
    "Core(s) per socket": "Kern(e) pro Sockel", "CPU max MHz": "Maximale Taktfrequenz der CPU",
    "model name": "nom de modèle", "cpu MHz": "Taktfrequenz", "total": "gesamt", "free": "frei",
    "Kernel driver in use": "Verwendeter Kerneltreiber", "Marketing Name": "Handelsname",
    "Size": "Größe", "hw.memsize": "hw.Speicher", "gpu_temp": "température",
    "VGA compatible controller": "VGA-kompatibler Controller", "3D controller": "3D-Controller",
}  # fmt: skip


def missing(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


def comma(text: str, _: random.Random) -> str:
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text)


def translated(text: str, _: random.Random) -> str:
    for label, other in LABELS.items():
        text = re.sub(rf"(?m)^(\s*|.*? |\s*</?){re.escape(label)}(?=\s*[:>]| \[)", rf"\g<1>{other}", text)
    return text


def truncated(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(1, len(text))]


def other_units(text: str, chance: random.Random) -> str:
    """The same amounts in the next unit, rounded as programs do it."""
    smaller = chance.random() < 0.5
    steps = {"kB": ("MB", "bytes"), "KB": ("MB", "bytes"), "KiB": ("MiB", "B"), "MiB": ("GiB", "KiB")}

    def change(found: re.Match[str]) -> str:
        number, unit = float(found[1]), found[2]
        up, down = steps[unit]
        return f"{number * 1024:.0f} {down}" if smaller else f"{number / 1024:.1f} {up}"

    return re.sub(r"(?<![\d.])(\d+(?:\.\d+)?) (kB|KB|KiB|MiB)\b", change, text)


def garbage(text: str, chance: random.Random) -> str:
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return text
    found = chance.choice(numbers)
    return text[: found.start()] + chance.choice(GARBAGE) + text[found.end() :]


def empty(_: str, chance: random.Random) -> str:
    return chance.choice(["", "\n", "N/A\n"])


def doubled(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return "".join([*lines[: at + 1], lines[at], *lines[at + 1 :]])


def swapped(text: str, chance: random.Random) -> str:
    """Two columns of one line change places; not two numbers, which would be another computer's line."""
    lines = text.split("\n")
    able: list[tuple[int, int, int]] = []
    for n, line in enumerate(lines):
        words = re.split(r"(\s+)", line)
        columns = [k for k, word in enumerate(words) if word.strip()]
        pairs = pairwise(columns)
        able += [(n, a, b) for a, b in pairs if not words[a].isdecimal() or not words[b].isdecimal()]
    if not able:
        return text
    at, a, b = chance.choice(able)
    words = re.split(r"(\s+)", lines[at])
    words[a], words[b] = words[b], words[a]
    lines[at] = "".join(words)
    return "\n".join(lines)


def twice(text: str, chance: random.Random) -> str:
    """Two of the others, one after the other."""
    for spoil in chance.sample(SPOILS[:-1], 2):
        text = spoil(text, chance) if len(text) > 1 else text
    return text


SPOILS: list[Spoil] = [
    missing, comma, translated, truncated, other_units, garbage, empty, doubled, swapped, twice,
]  # fmt: skip


def spoilt(readings: dict[str, Any], spoil: Spoil, seed: object) -> dict[str, Any]:
    """A copy in which one text was spoilt, or one figure of a table where there is no text."""
    chance = random.Random(f"{seed} {spoil.__name__}")
    readings = copy.deepcopy(readings)
    texts = sorted(key for key, value in readings.items() if key.split()[0] in TEXTS and value.strip())
    tables = sorted(key for key in readings if key.split()[0] in TABLES)
    if tables and (not texts or chance.random() < 0.3):
        key = chance.choice(tables)
        readings[key] = _spoilt_table(readings[key], spoil, chance)
    elif texts:
        key = chance.choice(texts)
        readings[key] = spoil(readings[key], chance)
    return readings


def _spoilt_table(table: Any, spoil: Spoil, chance: random.Random) -> Any:
    if spoil is empty:
        return chance.choice([None, {}, [], "N/A"])
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            if isinstance(inner, dict | list) and inner:
                walk(inner)
            elif isinstance(inner, int | float) and not isinstance(inner, bool):
                places.append((value, key))

    walk(table)
    if places:
        owner, key = chance.choice(places)
        if spoil is missing and isinstance(owner, dict):
            del owner[key]
        else:
            owner[key] = chance.choice([*GARBAGE, None, -1, 10**30, [], "8 GiB"])
    return table


# --- judging ----------------------------------------------------------------------------------------

NOT_COMPARED = {"name", "reason", "fix", "values", "device"}  # words, and names that the studio gives


def wrong(whole: dict[str, Any], spoilt: dict[str, Any]) -> list[str]:
    """What *spoilt* says that is neither as in *whole* nor unknown."""
    found = [line for part in ("cpu", "ram", "limits") for line in _wrong(whole[part], spoilt[part], part)]
    for part in ("disks", "accelerators"):
        left = list(whole[part])
        for entry in spoilt[part]:
            same = next((other for other in left if not _wrong(other, entry, part)), None)
            if same is None:
                found.append(f"{part}: {entry} is none of {whole[part]}")
            else:
                left.remove(same)
    return found


def _wrong(true: Any, said: Any, where: str) -> list[str]:
    if said is None or said in ("", [], {}):
        return []
    if isinstance(said, dict) and isinstance(true, dict):
        pairs = ((key, true.get(key), value) for key, value in said.items() if key not in NOT_COMPARED)
        return [line for key, a, b in pairs for line in _wrong(a, b, f"{where}.{key}")]
    if isinstance(said, list) and isinstance(true, list):
        return [
            f"{where}: {entry!r} is not in {true!r}"
            for entry in said
            if all(_wrong(other, entry, where) for other in true)
        ]
    if isinstance(said, str) and where.endswith((".driver", ".runtime", ".governor", ".filesystem")):
        return []  # words
    return [] if said == true else [f"{where}: {said!r} instead of {true!r}"]
