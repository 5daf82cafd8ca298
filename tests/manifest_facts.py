"""Write the facts of a pinned model for the manifest: `python -m tests.manifest_facts NAME PATH`.

For models whose files are here: what plans need of the headers of the file or folder at PATH. Those of
other well-known models are computed: `python -m tests.facts`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.cost.packed import PackedFacts, pack
from studio.services.library.facts import read_facts
from studio.services.library.manifest import FACTS
from studio.services.paths import MANIFEST

KEPT = ("general.architecture", "tokenizer.ggml.model")
WORDS = ("general.", "tokenizer.")  # keys of a GGUF file that say nothing of its shape
LONGEST = 100


def facts_for_manifest(path: Path) -> PackedFacts:
    """Of what lies at *path*, without what no plan asks for: names, licences, the vocabulary, templates."""
    facts = pack(read_facts(path))
    parts = {
        name: msgspec.structs.replace(part, config=dict(filter(_matters, part.config.items())))
        for name, part in facts.parts.items()
    }
    return as_json_has_it(msgspec.structs.replace(facts, parts=parts))


def as_json_has_it(facts: PackedFacts) -> PackedFacts:
    """With lists for tuples in its configurations."""
    return msgspec.json.decode(msgspec.json.encode(facts), type=PackedFacts)


def _matters(item: tuple[str, Any]) -> bool:
    key, value = item
    return key in KEPT or not (key.startswith(WORDS) or (isinstance(value, str) and len(value) > LONGEST))


def text_of(facts: PackedFacts) -> str:
    """The file, a row of tensors on a line."""
    data = msgspec.to_builtins(facts)
    rows = [row for part in data["parts"].values() for row in part["tensors"]]
    marks = iter(range(len(rows)))
    for part in data["parts"].values():
        part["config"] = f"config {len(rows)}"
        rows.append(msgspec.to_builtins(facts.parts[_name(data, part)].config))
        part["tensors"] = [f"row {next(marks)}" for _ in part["tensors"]]
    written = json.dumps(data, indent=1)
    for number, row in enumerate(rows):
        for kind in ("row", "config"):
            written = written.replace(f'"{kind} {number}"', json.dumps(row))
    return written + "\n"


def _name(data: dict[str, Any], part: dict[str, Any]) -> str:
    return next(name for name, each in data["parts"].items() if each is part)


def write(name: str, facts: PackedFacts) -> None:
    (MANIFEST / FACTS).mkdir(exist_ok=True)
    (MANIFEST / FACTS / f"{name}.json").write_text(text_of(facts), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1], facts_for_manifest(Path(sys.argv[2])))
