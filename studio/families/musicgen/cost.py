"""What a piece of music costs: the words read, one frame written after another, all of them rendered."""

from __future__ import annotations

import math
from typing import Any

from studio.domain.cost.cost import Cost, ModelFacts, Part, PartFacts, Stage
from studio.domain.cost.ops import Tally
from studio.domain.cost.text_encoder import T5_DEFAULTS, t5
from studio.domain.cost.tokens import tokens
from studio.families.musicgen.walk import (
    DECODER,
    ENCODEC,
    completed,
    frame,
    frames_of,
    rendering,
    words_read,
)

PARTS = ("text_encoder", "decoder", "audio_encoder", "enc_to_dec_proj")
TWICE = 2  # the library writes the first frame, forgets it and begins anew
CHOICE_CALLS = 70  # operations between two frames: guidance, choosing, the pattern of delays
CHOICE_PASSES = 30  # of them over all scores


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. Raises KeyError for parts that are built of something else.

    With guidance every frame is written twice: as asked, and as if nothing had been.
    """
    part = facts.parts["model"]
    text, encodec = part.config["text_encoder"], completed(ENCODEC, part.config["audio_encoder"])
    decoder = completed(DECODER, part.config["decoder"])
    books, channels = decoder["num_codebooks"], decoder["audio_channels"]
    rate = math.ceil(encodec["sampling_rate"] / math.prod(encodec["upsampling_ratios"]))
    frames = frames_of(values["seconds"], rate, books, channels)
    words = tokens(values["prompt"]) + 1
    batch = 2 if values["guidance"] > 1 else 1
    sizes = {"batch": batch, "words": words, "encoder_width": (T5_DEFAULTS | text)["d_model"]}
    middle = frame(decoder, before=(frames - 1) // 2, **sizes)
    last = frame(decoder, before=frames - 1, **sizes)
    read = t5(text, batch=1, tokens=words, masked=True)
    first = words_read(decoder, batch=batch, words=words)
    sound = rendering(encodec, frames=values["seconds"] * rate, books=books // channels)
    written = Tally()
    written.merge(middle.ops)
    written.pointwise(batch * books * decoder["vocab_size"], CHOICE_PASSES)
    return Cost(
        parts=part.once(_parts),
        stages=(
            Stage(
                phase="compose",
                part="text_encoder",
                ops=read.ops,
                alive=read.alive,
                written=read.written,
                calls=read.calls,
            ),
            Stage(
                phase="compose",
                part="decoder",
                ops=first.ops,
                repeats=TWICE,
                alive=first.alive,
                calls=first.calls,
            ),
            Stage(
                phase="compose",
                part="decoder",
                ops=written.ops,
                repeats=frames + TWICE - 1,
                alive=last.alive,
                written=last.written,
                calls=middle.calls + CHOICE_CALLS,
            ),
            Stage(
                phase="render",
                part="audio_encoder",
                ops=sound.ops,
                repeats=channels,
                alive=sound.alive,
                calls=sound.calls,
            ),
        ),
    )


def _parts(facts: PartFacts) -> tuple[Part, ...]:
    """One file holds them all."""
    there: list[Part] = []
    for name in PARTS:
        own = [tensor for tensor in facts.tensors if tensor.name.startswith(f"{name}.")]
        there.append(Part.of(name, PartFacts(config={}, tensors=tuple(own))))
    return tuple(part for part in there if part.elements)
