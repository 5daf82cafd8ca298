"""What is counted of music against what transformers' own networks do."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import EncodecConfig, EncodecModel, MusicgenDecoderConfig
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.models.musicgen.modeling_musicgen import MusicgenForCausalLM

from studio.domain.cost.ops import macs
from studio.families.musicgen import cost as module
from studio.families.musicgen.walk import frame, rendering
from studio.families.registry import cost, family
from studio.services.library.facts import read_facts
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_music import write_music
from tests.fakes.traced import Trace, disagreements, trace

pytestmark = pytest.mark.usefixtures("one_thread")


@contextmanager
def step_by_step() -> Iterator[None]:
    """Recurrent layers are not one operation."""
    torch.backends.mkldnn.enabled = False
    yield
    torch.backends.mkldnn.enabled = True


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The library complains of numbers in its own configurations."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(before)


def rendered(config: dict[str, Any], frames: int, books: int) -> Trace:
    """The recurrent layers count only where they are done step by step."""
    net = EncodecModel(EncodecConfig(**config)).eval()
    codes = torch.zeros(1, 1, books, frames, dtype=torch.long)

    def run() -> torch.Tensor:
        return net.decode(codes, [None]).audio_values

    truth = trace(net, run, codes)
    with step_by_step():
        return truth._replace(macs=trace(net, run, codes).macs)


def written(config: dict[str, Any], batch: int, before: int, words: int) -> Trace:
    net = MusicgenForCausalLM(MusicgenDecoderConfig(**config)).eval()
    cache = EncoderDecoderCache(DynamicCache(config=net.config), DynamicCache(config=net.config))
    ids = torch.zeros(batch * net.config.num_codebooks, before, dtype=torch.long)
    given = {
        "encoder_hidden_states": torch.zeros(batch, words, net.config.hidden_size),
        "encoder_attention_mask": torch.ones(batch, words, dtype=torch.long),
        "cache": cache,
        "use_cache": True,
    }
    with torch.no_grad():
        net(ids, **given)
    held = [
        [(layer.keys, layer.values) for part in (cache.self_attention_cache, cache.cross_attention_cache)
         for layer in part.layers]
    ]  # fmt: skip
    return trace(net, lambda: net(ids[:, :1], **given).logits, held.pop())


def check_rendering(seed: int) -> None:
    draw = random.Random(seed)
    config: dict[str, Any] = {
        "sampling_rate": 32_000,
        "target_bandwidths": [200.0],  # enough for as many codebooks as there are
        "upsampling_ratios": draw.choice([[8, 5, 4, 4], [8, 4], [4, 4, 2]]),
        "num_filters": draw.choice([16, 32, 64]),
        "hidden_size": draw.choice([64, 128]),
        "codebook_dim": None,
        "codebook_size": 2048,
        "use_causal_conv": draw.random() < 0.5,
        "use_conv_shortcut": draw.random() < 0.5,
        "num_lstm_layers": draw.randint(1, 2),
        "num_residual_layers": draw.randint(1, 2),
        "kernel_size": draw.choice([7, 5]),
        "compress": draw.choice([1, 2]),
    }
    frames, books = draw.choice([50, 90]), draw.choice([2, 4])
    walk = rendering(config, frames=frames, books=books)
    assert disagreements(walk, rendered(config, frames, books)) == [], (seed, config)


def check_frame(seed: int) -> None:
    draw = random.Random(seed)
    heads = draw.choice([2, 4, 8])
    config: dict[str, Any] = {
        "vocab_size": draw.choice([512, 2048]),
        "num_hidden_layers": draw.randint(3, 10),
        "hidden_size": heads * 64,
        "num_attention_heads": heads,
        "ffn_dim": draw.choice([512, 2048]),
        "num_codebooks": draw.choice([4, 8]),
        "activation_function": draw.choice(["gelu", "relu"]),
    }
    sizes = {
        "batch": draw.randint(1, 2),
        "before": draw.choice([60, 200, 500]),
        "words": draw.choice([8, 30]),
    }
    walk = frame(config, **sizes)
    assert disagreements(walk, written(config, **sizes)) == [], (seed, config, sizes)


@pytest.mark.parametrize("seed", range(4))
def test_drawn_by_seed(seed: int) -> None:
    check_frame(seed)
    check_rendering(seed)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 130))
def test_many(seed: int) -> None:
    check_frame(seed)
    check_rendering(seed)


def test_the_comparison_refuses_a_layer_too_many() -> None:
    config: dict[str, Any] = {"num_hidden_layers": 3, "hidden_size": 128, "num_attention_heads": 2}
    truth = written(config, 2, 200, 10)
    assert disagreements(frame(config, batch=2, before=200, words=10), truth) == []
    more = config | {"num_hidden_layers": 4}
    assert len(disagreements(frame(more, batch=2, before=200, words=10), truth)) >= 2
    assert len(disagreements(frame(config, batch=1, before=200, words=10), truth)) == 2


@pytest.mark.parametrize(("stereo", "guidance"), [(False, 3.0), (True, 3.0), (False, 1.0)])
def test_a_request_is_counted_as_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stereo: bool, guidance: float
) -> None:
    folder = write_music(tmp_path / "m", stereo=stereo, width=64)
    facts, spec = read_facts(folder), family("musicgen")
    assert cost("musicgen") is module
    monkeypatch.setattr(module, "tokens", len)  # its tokens are letters, and one for the beginning of a word
    values = spec.complete({"prompt": "drums", "seconds": 1, "guidance": guidance, "seed": 1})
    counted = module.cost(facts, values | {"prompt": "_drums"})
    assert {stage.phase for stage in counted.stages} == {"compose", "render"}
    assert sum(part.stored_bytes for part in counted.parts) == facts.parts["model"].bytes
    bench = Bench("musicgen", folder, tmp_path)
    bench.run(**values)
    model = bench._pipeline._model
    assert {part.name for part in counted.parts} == {name for name, _ in model.named_children()}
    for part in counted.parts:
        there = sum(parameter.numel() for parameter in getattr(model, part.name).parameters())
        assert there <= part.elements, part.name  # and what is no parameter: the codebooks
    runs = Counter[str]()
    for name in ("text_encoder", "decoder"):
        getattr(model, name).register_forward_pre_hook(lambda *_, name=name: runs.update([name]))
    model.audio_encoder.decoder.register_forward_pre_hook(lambda *_: runs.update(["audio_encoder"]))
    bench.run(**values)
    repeats = {"text_encoder": 1, "decoder": 54, "audio_encoder": 2 if stereo else 1}
    assert runs == repeats
    assert {stage.part: stage.repeats for stage in counted.stages} == repeats  # the last one of each
    with step_by_step():
        truth = trace(model, lambda: bench.run(**values))
    total = sum(macs(stage.ops) * stage.repeats for stage in counted.stages)
    assert total == pytest.approx(truth.macs, rel=0.01)
