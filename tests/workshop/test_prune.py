"""Fewer channels, heads, layers or weights: what is left is a whole model, as much smaller as it says."""

import json
from pathlib import Path

import pytest
import torch

from studio.domain.failure import Cancelled, StudioError
from studio.wire.messages import PhaseProgress
from studio.workshop import perplexity
from studio.workshop.prune import two_of_four


@pytest.mark.parametrize(
    ("pruning", "key", "value"),
    [("channels", "intermediate_size", 96), ("heads", "num_attention_heads", 2)],
)
def test_a_language_model_gets_smaller_and_still_speaks(bench, language, pruning, key, value):
    made = bench.work("prune", language, pruning=pruning, amount=0.25, recovery=0)
    assert json.loads((Path(made.path) / "config.json").read_text())[key] == value
    model, tokenizer = perplexity.load(Path(made.path))
    given = tokenizer("the quick brown fox", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.isfinite(model(given).logits).all()
    assert bench.report(made).figures["model.kept"] < 0.97


def test_recovery_brings_it_nearer_to_what_it_was(bench, language):
    made = bench.work("prune", language, pruning="channels", amount=0.5, recovery=12)
    figures = bench.report(made).figures
    assert figures["model.error_after"] < figures["model.error_before"]
    steps = [m for m in bench.messages if isinstance(m, PhaseProgress) and m.phase == "train" and m.steps]
    assert steps[-1].step == steps[-1].steps == 12


def test_unstructured_pruning_says_that_it_saves_nothing(bench, language):
    made = bench.work("prune", language, pruning="magnitude", amount=0.5, recovery=4)
    report = bench.report(made)
    assert [note.key for note in report.notes] == ["workshop.note.unstructured"]
    assert report.after.bytes == pytest.approx(report.before.bytes, rel=0.02)
    model, _ = perplexity.load(Path(made.path))
    weight = model.model.layers[0].mlp.up_proj.weight
    assert float((weight == 0).float().mean()) == pytest.approx(0.5, abs=0.01)  # also after recovery


def test_two_of_four_keeps_the_larger_two():
    weight = torch.tensor([[1.0, -4.0, 3.0, 0.5, 9.0]])
    assert two_of_four(weight).tolist() == [[0, 1, 1, 0, 1]]  # the fifth has no three others


def test_a_model_of_two_layers_has_none_to_spare(bench, language):
    with pytest.raises(StudioError) as error:
        bench.work("prune", language, pruning="layers", amount=0.25, recovery=0)
    assert error.value.failure.code == "workshop.impossible"
    assert error.value.failure.values["reason"] == "workshop.reason.few_layers"
    assert bench.leftovers == []


@pytest.mark.parametrize("amount", [0.0, 0.95])
def test_an_amount_out_of_range_is_refused(bench, language, amount):
    with pytest.raises(StudioError) as error:
        bench.work("prune", language, pruning="channels", amount=amount)
    assert error.value.failure.code == "param.invalid"


def test_cancelled_within_its_recovery(bench, language):
    def learning(message) -> bool:
        return isinstance(message, PhaseProgress) and message.phase == "train" and message.step >= 2

    with pytest.raises(Cancelled):
        bench.work("prune", language, pruning="channels", recovery=10_000, cancel_when=learning)
    assert bench.leftovers == []


@pytest.mark.heavy
def test_a_quarter_of_the_starters_channels_makes_it_smaller_and_faster(bench):
    """The bar: at least 15 % fewer bytes and seconds, on reload in a fresh engine."""
    made = bench.work("prune", "starter-icons", pruning="channels", amount=0.25, recovery=0, report=True)
    config = json.loads((Path(made.path) / "unet" / "config.json").read_text())
    assert config["block_out_channels"] == [96, 192]
    report = bench.report(made)
    assert report.after.bytes <= 0.85 * report.before.bytes
    assert report.after.seconds <= 0.85 * report.before.seconds
