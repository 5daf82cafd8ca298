"""How long from asking to stop until a job has stopped; the engine and its model stay as they are.

A picture in the middle of one long step, and a text while 2,000 tokens of prompt are read.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from studio.wire.messages import Cancel, Cancelled, Done, Failed, PhaseProgress
from tests.bench import engine, models
from tests.bench.table import Row, judge
from tests.engine.process import EngineProcess

BAR = 2.0  # seconds
INSIDE = 1.5  # seconds into the step or the prompt
TOWN = "The history of the town is long and full of turns. " * 180  # over 2,000 tokens
SIDE = 640  # a step at this size takes about 10 seconds on two cores


def measure(short: bool) -> list[Row]:
    times = 1 if short else 3
    picture = {"prompt": "a red apple", "size": (SIDE, SIDE), "steps": 2}
    text = {"prompt": TOWN, "max_tokens": 50, "context_length": 8192}
    return [
        _row("a picture inside a step", models.stable_diffusion(), "denoise", picture, times, short=short),
        _row("a text while its prompt is read", models.text(), "prompt", text, times, short=short),
    ]


def _row(name: str, path: Path, phase: str, values: dict[str, Any], times: int, *, short: bool) -> Row:
    with engine.running() as running:
        small = (
            {"size": (64, 64), "steps": 1} if phase == "denoise" else {"prompt": "Hello.", "max_tokens": 2}
        )
        engine.run(running, path, **{**values, **small})
        took = [_cancel(running, path, phase, values, seed) for seed in range(times)]
        _, done = engine.run(running, path, **{**values, **small})
        kept = running.process.poll() is None and done.outcome.timings["load"] < 0.2
    return Row(
        f"cancel {name}",
        f"≤ {BAR:.0f} s, kept",
        f"{max(took):.2f} s, {'kept' if kept else 'NOT kept'}",
        f"{min(took):.2f} to {max(took):.2f} s in {times}",
        judge(max(took), BAR, short=short) if kept else "missed",
    )


def _cancel(running: EngineProcess, path: Path, phase: str, values: dict[str, Any], seed: int) -> float:
    """Seconds. RuntimeError when the job was over, or further than it should have been."""
    job = engine.start(running, path, **{**values, "seed": seed})
    while running.wait_for(PhaseProgress, timeout=engine.PATIENCE).phase != phase:
        pass
    time.sleep(INSIDE)
    began = time.perf_counter()
    running.send(Cancel(job=job))
    seen = len(running.messages)
    ended = running.wait_for(Done, Cancelled, Failed, timeout=60)
    took = time.perf_counter() - began
    further = {m.phase for m in running.messages[seen:] if isinstance(m, PhaseProgress)} - {phase}
    if not isinstance(ended, Cancelled) or further:
        raise RuntimeError(f"it was not in the middle of {phase}: {ended} {further}")
    return took
