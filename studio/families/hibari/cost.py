"""What speech by hibari costs: by characters and sentences, whose time the family measures itself."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.cost import Cost, ModelFacts, Part, Stage
from studio.domain.cost.ops import Own, Tally
from studio.domain.speech import split

PART = "model"
WORDS = 115 * 2**20  # bytes of the words that it knows, beside the voice; measured
ALIVE = 95_000  # numbers that are alive for each character of a sentence; measured


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. *facts* may be empty: the voice inside the package is small beside its words."""
    pieces = [len(piece.text) for piece in split(values["prompt"])]
    stored = sum(part.bytes for part in facts.parts.values())
    tally = Tally()
    tally.add(Own("hibari.character", sum(pieces) / values["speed"]))
    tally.add(Own("hibari.sentence", float(len(pieces))))
    tally.add(Own("hibari.first", 1.0))
    return Cost(
        parts=(
            Part(
                name=PART,
                elements=0,
                stored_bytes=stored,
                fixed_bytes=WORDS + stored,
                load=Own("hibari.load", 1.0),
            ),
        ),
        stages=(Stage(phase="speak", part=PART, ops=tally.ops, alive=float(ALIVE * max(pieces, default=0))),),
    )
