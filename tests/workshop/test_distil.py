"""A student learns from its teacher, can be stopped, and goes on from where it was."""

from pathlib import Path

import pytest

from studio.domain.failure import Cancelled
from studio.wire.messages import Notice, PhaseProgress
from studio.workshop import perplexity


def test_a_language_student_is_smaller_and_has_learnt(bench, language):
    made = bench.work("distil", language, minutes=0.3, share=0.5, control=True)
    report = bench.report(made)
    assert report.figures["error_after"] < report.figures["error_before"]
    assert {"workshop.note.taught_better", "workshop.note.taught_worse"} & {n.key for n in report.notes}
    better = report.figures["error_after"] < report.figures["error_alone"]
    assert [n.key for n in report.notes] == [f"workshop.note.taught_{'better' if better else 'worse'}"]
    assert report.after.bytes < report.before.bytes
    model, _ = perplexity.load(Path(made.path))
    assert model.config.intermediate_size == 64
    assert [m.key for m in bench.messages if isinstance(m, Notice)] == ["workshop.notice.pace"]
    assert list((bench.models / ".parts").iterdir()) == []


def test_what_was_learnt_is_taken_up_again(bench, language):
    def far(message) -> bool:
        return (
            isinstance(message, PhaseProgress) and message.phase == "train" and (message.fraction or 0) > 0.5
        )

    wanted = {"minutes": 0.3, "share": 0.5, "control": False}
    with pytest.raises(Cancelled):
        bench.work("distil", language, cancel_when=far, **wanted)
    kept = list((bench.models / ".parts").rglob("student.safetensors"))
    assert len(kept) == 1
    bench.work("distil", language, **wanted)
    fractions = [m.fraction for m in bench.messages if isinstance(m, PhaseProgress) and m.phase == "train"]
    assert min(f for f in fractions if f) > 0.4  # it did not begin anew
    assert list((bench.models / ".parts").iterdir()) == []


def test_a_denoiser_learns_to_need_few_steps(bench, diffusion):
    made = bench.work("distil", diffusion, minutes=0.2, control=False)
    report = bench.report(made)
    assert report.figures["error_after"] < report.figures["error_before"]
    assert report.parameters["steps"]["default"] == 4
    assert (Path(made.path) / "pytorch_lora_weights.safetensors").is_file()
    narrowed = {
        p.name: p
        for p in bench.library.resolve(made.path).spec.parameters_for(bench.library.resolve(made.path).model)
    }
    assert narrowed["steps"].default == 4
