"""What families measure themselves, with models small enough for a test; and the models they do it with."""

from __future__ import annotations

import math
from pathlib import Path

import gguf
import numpy as np
import pytest

from studio.engine.bench.bench import Bench
from studio.families.gguf_text import measure as language
from studio.families.gguf_text import random_model
from studio.families.hibari import measure as voice


def make(folder: Path, *, seconds: float) -> Bench:
    bench = Bench(
        device="cpu",
        threads=1,
        folder=folder,
        seconds=seconds,
        shares={"own": 1.0},
        check=lambda: None,
        progress=lambda section, fraction: None,
    )
    bench.enter("own")
    return bench


def test_language_models_by_type_of_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BYTES": 2**20, "WIDTH": 256, "INNER": 512, "PROMPT": 16, "MOST_RUNS": 1}.items():
        monkeypatch.setattr(language, name, value)
    bench = make(tmp_path, seconds=270)
    found = language.measure(bench)
    assert bench.skipped == []
    by_type = {f"gguf.{what}.{kind}" for what in ("read", "write") for kind in language.TYPES}
    others = {"gguf.start", "gguf.load", "gguf.token", "gguf.layer", "gguf.vocabulary"}
    assert found.keys() == by_type | others
    assert all(math.isfinite(seconds) and 0 <= seconds < 100 for seconds in found.values())
    assert all(found[f"gguf.read.{kind}"] > 0 for kind in language.TYPES)
    assert list(tmp_path.iterdir()) == []


def test_without_time_language_models_are_skipped_by_name(tmp_path: Path) -> None:
    bench = make(tmp_path, seconds=-10)
    assert language.measure(bench) == {}
    assert len(bench.skipped) == 3 + len(language.TYPES)


@pytest.mark.parametrize("kind", language.TYPES)
def test_random_weights_are_like_a_model_s(kind: str) -> None:
    values = random_model._values(np.random.default_rng(1), kind, 64, 512)
    weights = gguf.quants.dequantize(values, gguf.GGMLQuantizationType[kind])
    assert weights.shape == (64, 512)
    assert 0.01 < weights.std() < 0.2
    assert abs(weights.mean()) < 0.1
    assert values.nbytes == 64 * 512 * random_model.type_bytes(kind)


def test_the_weights_are_counted_as_they_are_written(tmp_path: Path) -> None:
    shape = random_model.Shape(width=256, inner=512, layers=2)
    random_model.write(tmp_path / "m.gguf", "Q8_0", shape)
    tensors = gguf.GGUFReader(tmp_path / "m.gguf").tensors
    matrices = [t for t in tensors if len(t.shape) == 2 and t.name != "token_embd.weight"]
    assert sum(int(np.prod(t.shape)) for t in matrices) == shape.weights


def test_the_voice(tmp_path: Path) -> None:
    found = voice.measure(make(tmp_path, seconds=60))
    assert found.keys() == {"hibari.load", "hibari.first", "hibari.character", "hibari.sentence"}
    assert all(math.isfinite(seconds) and 0 <= seconds < 60 for seconds in found.values())
    assert found["hibari.character"] > 0
