"""What an answer costs: the prompt read at once, then one token after another, up to the most asked for."""

from __future__ import annotations

from typing import Any

from studio.domain.cost import language
from studio.domain.cost.cost import Cost, ModelFacts, Part, Stage
from studio.domain.cost.decoder import decoder
from studio.domain.cost.ops import Ops, Tally, Walk, Written
from studio.domain.cost.tokens import conversation, tokens
from studio.domain.writing import COMPLETION, beginning

PART = "model"
GENERATE_CALLS = 70  # operations between two runs of the model: penalties, choosing, signs of an end
# How often adding one to all numbers would be done in the time of these. They do not work on several numbers
# at once; measured with 32 000 and 150 000 numbers on a CPU with AVX-512.
SORT, SORT_FEW, DRAW = 1200, 400, 400
LIGHT_PASSES = 20  # over all words of the vocabulary: copies, penalties, shares of one
CHOICES = 10  # copies of the scores of all words that are alive while one is chosen


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. Raises ValueError for a model without an embedding.

    `alive` has the cache of keys and values in it, which is of the model's own type.
    """
    part = facts.parts[PART]
    net = part.once(decoder)
    prompt = prompt_tokens(values)
    room = values["max_tokens"] if net.longest is None else min(values["max_tokens"], net.longest - prompt)
    room = max(1, room)
    read = language.read(part, prompt)
    write = language.write(part, prompt + room // 2)
    last = language.write(part, prompt + room - 1)
    chosen = CHOICES * net.vocabulary
    return Cost(
        parts=(Part.of(PART, part, language.loaded(part)),),
        stages=(
            Stage(
                phase="prompt",
                part=PART,
                ops=_with_choice(read.ops, net.vocabulary, values),
                alive=max(read.alive, chosen) + language.cache(part, prompt),
                written=_written(read, chosen, language.cache(part, prompt)),
                cached=prompt + room,
                calls=read.calls + GENERATE_CALLS,
            ),
            Stage(
                phase="generate",
                part=PART,
                ops=_with_choice(write.ops, net.vocabulary, values),
                repeats=room - 1,
                alive=max(last.alive, chosen) + language.cache(part, prompt + room),
                written=_written(last, chosen, language.cache(part, prompt + room)),
                cached=prompt + room,
                calls=write.calls + GENERATE_CALLS,
            ),
        ),
    )


def prompt_tokens(values: dict[str, Any]) -> int:
    """About how many tokens the model reads first. Mode "auto" is taken for a chat."""
    if values["mode"] == COMPLETION:
        return max(1, tokens(beginning(values)))
    turns = [values["system"], *(turn["content"] for turn in values["messages"]), values["prompt"]]
    return conversation(turn for turn in turns if turn)


def _written(walk: Walk, chosen: int, cache: int) -> Written:
    eager, sliced = (max(alive, chosen) + cache for alive in walk.written)
    return Written(eager, sliced)


def _with_choice(ops: Ops, vocabulary: int, values: dict[str, Any]) -> Ops:
    tally = Tally()
    tally.merge(ops)
    tally.pointwise(vocabulary, LIGHT_PASSES)
    if values["temperature"] > 0:
        tally.pointwise(vocabulary, DRAW)
        if values["top_p"] < 1:
            tally.pointwise(vocabulary, SORT_FEW if values["top_k"] else SORT)
    return tally.ops
