"""Write the facts of a model into its manifest entry: `python -m tests.manifest_facts ID PATH`.

For models that no hub has: what plans need of the headers of the file or folder at PATH.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.cost.packed import PackedFacts, pack
from studio.services.library.facts import read_facts
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
    # As JSON has it: lists for tuples.
    return msgspec.json.decode(
        msgspec.json.encode(msgspec.structs.replace(facts, parts=parts)), type=PackedFacts
    )


def _matters(item: tuple[str, Any]) -> bool:
    key, value = item
    return key in KEPT or not (key.startswith(WORDS) or (isinstance(value, str) and len(value) > LONGEST))


def entry_with(text: str, facts: PackedFacts) -> str:
    """The manifest entry *text* with *facts* in it, a row of tensors on a line."""
    entry = json.loads(text)
    rest = {name: entry.pop(name) for name in ("facts", "starter", "order", "status") if name in entry}
    data = msgspec.to_builtins(facts)
    rows = [row for part in data["parts"].values() for row in part["tensors"]]
    marks = iter(range(len(rows)))
    for part in data["parts"].values():
        part["tensors"] = [f"row {next(marks)}" for _ in part["tensors"]]
    written = json.dumps({**entry, "facts": data, **_without_facts(rest)}, indent=2, ensure_ascii=False)
    for number, row in enumerate(rows):
        written = written.replace(f'"row {number}"', json.dumps(row))
    return written + "\n"


def _without_facts(rest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rest.items() if name != "facts"}


def main() -> None:
    model_id, path = sys.argv[1:]
    file = next(MANIFEST.rglob(f"{model_id}.json"))
    facts = facts_for_manifest(Path(path))
    file.write_text(entry_with(file.read_text(encoding="utf-8"), facts), encoding="utf-8")


if __name__ == "__main__":
    main()
