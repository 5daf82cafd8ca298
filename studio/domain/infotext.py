"""The text that image programs write into a PNG's `parameters`, so that a picture can be made again.

The form is the one of A1111 and its many readers: the prompt, `Negative prompt: ...`, and one line
of `Name: value, Name: "quoted, value"`. It is for other programs; ours reads its own `CHUNK` first.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from studio.domain.parameter import MAX_SEED
from studio.domain.request import Request

CHUNK = "aigc_studio"
"""Name of the PNG text chunk (or sidecar field) that holds our own versioned JSON."""

LIMIT = 2**20
"""Characters that are looked at; whatever follows is dropped."""

NEGATIVE = "Negative prompt:"
STEPS = (1, 10_000)
GUIDANCE = (0.0, 1_000.0)
SIDE = (1, 65_536)

# Our schedulers, as others write them: sampler and schedule type.
SAMPLERS = {
    "ddim": ("DDIM", ""),
    "euler": ("Euler", ""),
    "euler_a": ("Euler a", ""),
    "dpmpp_2m": ("DPM++ 2M", ""),
    "dpmpp_2m_karras": ("DPM++ 2M", "Karras"),
    "lms": ("LMS", ""),
    "pndm": ("PLMS", ""),
    "unipc": ("UniPC", ""),
    "lcm": ("LCM", ""),
}
_SCHEDULERS = {
    f"{sampler} {schedule}".strip().lower(): name for name, (sampler, schedule) in SAMPLERS.items()
}

# Bounded on purpose: an unbounded name makes a hostile line cost the square of its length.
_FIELD = re.compile(r'\s*(\w[\w \-/]{0,63}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')


def format_infotext(request: Request, *, model_title: str, model_hash: str, version: str) -> str:
    """What *request* was, for other programs. Of `model_hash` (hex, "" if unknown) ten digits are shown."""
    values = request.values
    scheduler = values.get("scheduler")
    sampler, schedule = SAMPLERS.get(scheduler, (scheduler, "")) if scheduler else ("", "")
    size: Any = values.get("size")
    fields = {
        "Steps": values.get("steps"),
        "Sampler": sampler,
        "Schedule type": schedule,
        "CFG scale": values.get("guidance"),
        "Seed": values.get("seed"),
        "Size": f"{size[0]}x{size[1]}" if size else None,
        "Model hash": model_hash[:10],
        "Model": model_title,
        "Version": f"AIGC Studio {version}",
    }
    lines = [request.prompt]
    if values.get("negative"):
        lines.append(f"{NEGATIVE} {values['negative']}")
    lines.append(
        ", ".join(f"{name}: {_write(value)}" for name, value in fields.items() if value not in (None, ""))
    )
    return "\n".join(lines)


def _write(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[,:"\n\r]', text) else text


def parse_infotext(text: str) -> dict[str, Any]:
    """What can be understood of *text*, by our parameters' names; never raises.

    `prompt` and `negative` (str), `steps` (int), `guidance` (float), `seed` (int), `size` (two ints),
    `scheduler` (one of `SAMPLERS`) and, as strings, `model`, `model_hash`, `version`. Numbers are
    clamped to sane limits; a seed out of range is left out, since another one makes another picture.
    Everything else stands under `other`, name by name, as it was written.
    """
    body, fields = _split(text[:LIMIT].replace("\r\n", "\n").strip())
    prompt, negative = _prompts(body)
    values: dict[str, Any] = {"prompt": prompt, "negative": negative, **_known(fields)}
    values["other"] = fields
    return {name: value for name, value in values.items() if value not in (None, "", {})}


def _split(text: str) -> tuple[list[str], dict[str, str]]:
    """The lines of the prompts, and the fields of the line behind them (A1111 wants three to believe it)."""
    lines = text.split("\n")
    for at in range(len(lines) - 1, max(len(lines) - 17, -1), -1):
        if at == len(lines) - 1 or lines[at].startswith("Steps:"):
            fields = _fields(lines[at])
            if len(fields) >= 3:
                return lines[:at], fields
    return lines, {}


def _fields(line: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    at = 0
    while at < len(line):
        match = _FIELD.match(line, at)
        if match:
            fields.setdefault(match[1].strip(), _read(match[2].strip()))
            at = match.end()
        else:
            comma = line.find(",", at)
            at = len(line) if comma < 0 else comma + 1
    return fields


def _read(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        # An escaped half of a surrogate pair would fail much later, when it is written somewhere.
        return str(json.loads(value)).encode("utf-8", "replace").decode("utf-8")
    except ValueError:
        return value.strip('"')


def _prompts(lines: list[str]) -> tuple[str, str]:
    for at, line in enumerate(lines):
        if line.lstrip().startswith(NEGATIVE):
            negative = [line.lstrip().removeprefix(NEGATIVE), *lines[at + 1 :]]
            return "\n".join(lines[:at]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _known(fields: dict[str, str]) -> dict[str, Any]:
    """Takes the fields that have a meaning here out of *fields*. One that makes no sense stays there."""
    known: dict[str, Any] = {}

    def take(field: str, name: str, value: Any) -> None:
        if value is not None:
            known[name] = value
            del fields[field]

    steps = _number(fields.get("Steps"), *STEPS)
    take("Steps", "steps", None if steps is None else int(steps))
    take("CFG scale", "guidance", _number(fields.get("CFG scale"), *GUIDANCE))
    seed = fields.get("Seed", "")
    take("Seed", "seed", int(seed) if re.fullmatch(r"[0-9]{1,10}", seed) and int(seed) <= MAX_SEED else None)
    size = re.fullmatch(r"([0-9]{1,6})\s*[x×]\s*([0-9]{1,6})", fields.get("Size", ""))
    take(
        "Size",
        "size",
        tuple(min(max(int(side), SIDE[0]), SIDE[1]) for side in size.groups()) if size else None,
    )
    schedule = fields.get("Schedule type", "").removeprefix("Automatic")
    take("Sampler", "scheduler", _SCHEDULERS.get(f"{fields.get('Sampler', '')} {schedule}".strip().lower()))
    if "scheduler" in known:
        fields.pop("Schedule type", None)
    for field in ("Model", "Model hash", "Version"):
        take(field, field.lower().replace(" ", "_"), fields.get(field))
    return known


def _number(text: str | None, low: float, high: float) -> float | None:
    if not text or len(text) > 32:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return min(max(number, low), high) if math.isfinite(number) else None
