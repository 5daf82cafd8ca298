"""A large picture is counted as it is run; the networks themselves are held against in `unit/test_cost_*`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.domain.cost.ops import macs
from studio.families.registry import cost, family
from studio.services.library.facts import read_facts
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import write_xl
from tests.fakes.traced import trace

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("guidance", "negative", "scheduler", "reads", "steps"),
    [(5.0, "", "ddim", 1, 3), (5.0, "blue", "ddim", 2, 3), (1.0, "blue", "pndm", 1, 4)],
)
def test_a_request_is_counted_as_it_is_run(
    tmp_path: Path, guidance: float, negative: str, scheduler: str, reads: int, steps: int
) -> None:
    folder = write_xl(tmp_path / "m")
    facts, module, spec = read_facts(folder), cost("stable_diffusion_xl"), family("stable_diffusion_xl")
    assert module is not None
    asked: dict[str, Any] = {"guidance": guidance, "negative": negative, "scheduler": scheduler}
    values = spec.complete({"prompt": "x", "size": (96, 64), "steps": 3, "count": 2, "seed": 1, **asked})
    counted = module.cost(facts, values)
    repeats = {stage.part: stage.repeats for stage in counted.stages}
    assert repeats == {"text_encoder": reads, "text_encoder_2": reads, "unet": 2 * steps, "vae": 2}
    assert {stage.phase for stage in counted.stages} <= set(spec.phases)
    assert sum(part.stored_bytes for part in counted.parts) == sum(
        part.bytes for part in facts.parts.values()
    )
    bench = Bench("stable_diffusion_xl", folder, tmp_path)
    bench.run(**values | {"count": 1, "steps": 1})
    parts = {name: getattr(bench._pipeline._diffusers, name) for name in repeats}
    runs = Counter[str]()
    for name, part in (parts | {"vae": parts["vae"].decoder}).items():
        part.register_forward_pre_hook(lambda *_, name=name: runs.update([name]))
    bench.run(**values)
    assert runs == repeats
    truth = trace(torch.nn.ModuleList(parts.values()), lambda: bench.run(**values))
    total = sum(macs(stage.ops) * stage.repeats for stage in counted.stages)
    assert total == pytest.approx(truth.macs, rel=0.01)
