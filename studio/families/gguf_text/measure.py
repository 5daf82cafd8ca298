"""What llama.cpp takes here for a weight of each type, measured with models of random weights.

| key | seconds |
|---|---|
| `gguf.read.<TYPE>` | a token of the prompt, for each weight of that type |
| `gguf.write.<TYPE>` | a token that is written, for each weight |
| `gguf.token` | a token that is written, beside its weights and layers |
| `gguf.layer` | the same, for each layer |
| `gguf.vocabulary` | the same, for each word of the vocabulary, beside the output's weights |
| `gguf.start` | starting it with a model of next to no size |
| `gguf.load` | the same, for each byte of the file, with the file in the page cache; and its first use |
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from studio.families.gguf_text import server
from studio.families.gguf_text.pipeline import body
from studio.families.gguf_text.random_model import Shape, type_bytes, write
from studio.families.gguf_text.reply import Chunk, Reply
from studio.families.gguf_text.spec import SPEC

if TYPE_CHECKING:
    from studio.engine.bench.bench import Bench

SECONDS = 12.0
TYPES = ("Q4_K", "Q8_0", "Q6_K", "F16", "Q5_K", "Q4_0")
BYTES = 72 * 2**20  # of the weights: more than the last cache of most processors holds
WIDTH, INNER, LEAST_LAYERS = 1024, 2816, 3
PROMPT, WRITTEN = 256, 48  # tokens
FEW = 8
WINDOW = 512
TINY = Shape(width=256, inner=256, layers=1)
DEEP = Shape(width=256, inner=256, layers=25)
WORDY = Shape(width=64, inner=256, layers=1, vocabulary=65_536)  # narrow: few weights, many words
MOST_RUNS = 10
GRACE = 1.0  # seconds over its part that a model may take to end what it began
TINY_TYPE = "Q8_0"


class OutOfTime(Exception):
    """What was begun took so long that it was given up."""


class Times(Struct, frozen=True, kw_only=True):
    """Seconds: of the start, of one token of the prompt, of one that is written; what the very first ones
    took beyond that, when the file is looked at. `bytes` of the file.
    """

    start: float
    first: float
    read: float
    write: float
    bytes: int


def measure(bench: Bench) -> dict[str, float]:
    """The figures above, as far as the time goes. Raises RuntimeError when llama.cpp cannot, OSError."""
    models = {f"large {kind}": (kind, _large(kind)) for kind in TYPES}
    models = {"tiny": (TINY_TYPE, TINY), "deep": (TINY_TYPE, DEEP), "wordy": (TINY_TYPE, WORDY), **models}
    times: dict[str, Times] = {}
    for n, (name, (kind, shape)) in enumerate(models.items()):
        with bench.part(1 / (len(models) - n)):
            try:
                times[name] = _run(bench, kind, shape)
            except OutOfTime:
                bench.skip("gguf", name)
    if not times.keys() >= {"tiny", "deep", "wordy"}:
        return {}
    tiny, deep, wordy = times["tiny"], times["deep"], times["wordy"]
    large = {kind: (_large(kind), times[f"large {kind}"]) for kind in TYPES if f"large {kind}" in times}
    found: dict[str, float] = {"gguf.start": tiny.start}
    # A tiny model's weights cost so little that the quickest type's figure is good enough to take them off.
    weight = min((times.write / shape.weights for shape, times in large.values()), default=0.0)

    def without_weights(times: Times, shape: Shape) -> float:
        return times.write - shape.weights * weight

    bare = without_weights(tiny, TINY)
    found["gguf.layer"] = max(0.0, without_weights(deep, DEEP) - bare) / (DEEP.layers - TINY.layers)
    found["gguf.token"] = max(0.0, bare - TINY.layers * found["gguf.layer"])
    found["gguf.vocabulary"] = max(0.0, without_weights(wordy, WORDY) - bare) / WORDY.vocabulary
    for kind, (shape, times) in large.items():
        rest = found["gguf.token"] + shape.layers * found["gguf.layer"]
        found[f"gguf.read.{kind}"] = times.read / shape.weights
        found[f"gguf.write.{kind}"] = max(0.0, times.write - rest) / shape.weights
    if large:
        starts = [max(0.0, times.start - tiny.start) + times.first for _, times in large.values()]
        each = sorted(start / times.bytes for start, (_, times) in zip(starts, large.values(), strict=True))
        found["gguf.load"] = each[len(each) // 2]
    return found


def _large(kind: str) -> Shape:
    """With weights of the type *kind* that fill about `BYTES`."""
    layer = Shape(width=WIDTH, inner=INNER, layers=1).weights
    layers = round(BYTES / type_bytes(kind) / layer)
    return Shape(width=WIDTH, inner=INNER, layers=max(LEAST_LAYERS, layers))


def _run(bench: Bench, kind: str, shape: Shape) -> Times:
    """The steady state of a model of that type and *shape*. Raises OutOfTime."""
    if bench.left <= 0:
        raise OutOfTime
    file = bench.folder / "random.gguf"
    write(file, kind, shape)
    size = file.stat().st_size
    try:
        began = time.perf_counter()
        running = server.start(
            str(file), context=WINDOW, threads=bench.threads, device=bench.device, exposed=lambda: None
        )
        start = time.perf_counter() - began
        try:
            read, wrote = _write(bench, running, prompt=FEW, written=FEW)  # prepares
            times = [_write(bench, running, prompt=PROMPT, written=WRITTEN)]
            while bench.left > 0 and len(times) < MOST_RUNS:
                times.append(_write(bench, running, prompt=PROMPT, written=WRITTEN))
        finally:
            del running  # lets go of the file
    finally:
        file.unlink(missing_ok=True)
    reads, writes = (sorted(column) for column in zip(*times, strict=True))
    usual_read, usual_write = reads[len(reads) // 4], writes[len(writes) // 4]
    # A few tokens take at least the way of all weights from memory, as one that is written does.
    first = max(0.0, FEW * read - max(FEW * usual_read, usual_write)) + max(0.0, FEW * (wrote - usual_write))
    return Times(start=start, first=first, read=usual_read, write=usual_write, bytes=size)


def _write(bench: Bench, running: Any, *, prompt: int, written: int) -> tuple[float, float]:
    """Seconds of a token of the prompt, and of one that is written, with the family's usual settings."""
    values = SPEC.complete({"seed": 1, "prompt": "a", "max_tokens": written})
    # One token for each byte; the end of a text, which is a word like any other, does not end it.
    asked = body(values) | {"prompt": "abcdefgh" * (prompt // 8), "cache_prompt": False, "ignore_eos": True}
    reply = Reply(running.handle_completions, asked)
    last: Chunk = {}
    try:
        for chunks in reply:
            _check(bench)
            last = next(reversed(chunks), last)
    finally:
        reply.stop()
        reply.join()
    if "timings" not in last:
        raise RuntimeError(f"llama.cpp ended without a result: {last}")
    read, wrote = last["timings"]["prompt_ms"] / 1000, last["timings"]["predicted_ms"] / 1000
    return read / last["timings"]["prompt_n"], wrote / last["timings"]["predicted_n"]


def _check(bench: Bench) -> None:
    """Raises Cancelled, and OutOfTime when a model has taken more than its part and a little."""
    bench.check_cancelled()
    if bench.left < -GRACE:
        raise OutOfTime
