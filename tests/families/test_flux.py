"""Pictures from a transformer, on tiny real components."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.diffusion.schedulers import Guess
from studio.domain.failure import Cancelled, StudioError
from studio.domain.parameter import ParameterError
from studio.families.registry import family
from studio.services.library.library import Library
from studio.services.library.recognize import recognize
from studio.wire.messages import PhaseProgress, Preview
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import write_flux

SPEC = family("flux")
pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = {"size": (64, 64), "steps": 2, "prompt": "a red apple"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flux(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flux(tmp_path_factory.mktemp("quick"), guidance=False)


@pytest.fixture(scope="module")
def bench(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench("flux", folder, tmp_path_factory.mktemp("outputs"))
    yield bench
    bench.close()


def pixels(artifact) -> np.ndarray:
    return np.asarray(Image.open(artifact.path))


def test_its_files_tell_what_it_can_be_asked(folder: Path, quick: Path, tmp_path: Path) -> None:
    assert recognize(folder).spec.name == "flux"
    library = Library(tmp_path)
    told = {path: library.resolve(str(path)) for path in (folder, quick)}
    values = {path: found.spec.complete({"prompt": "x"}, found.model) for path, found in told.items()}
    assert (values[folder]["steps"], values[folder]["guidance"]) == (28, 3.5)
    assert values[quick]["steps"] == 4
    assert "guidance" not in values[quick]
    with pytest.raises(StudioError):
        SPEC.complete({"prompt": "x", "guidance": 2.0}, told[quick].model)
    with pytest.raises(ParameterError):
        SPEC.complete({"prompt": "x", "size": (1000, 1024)})


@pytest.mark.parametrize("guidance", [True, False])
def test_the_same_pixels_as_the_library_alone(
    folder: Path, quick: Path, tmp_path: Path, guidance: bool
) -> None:
    from diffusers import FluxPipeline

    model = folder if guidance else quick
    pipe = FluxPipeline.from_pretrained(model, dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        "apple",
        width=80,
        height=64,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(7),
        max_sequence_length=512 if guidance else 256,
    ).images[0]
    values = {"prompt": "apple", "size": (80, 64), "steps": 3, "seed": 7}
    (artifact,) = Bench("flux", model, tmp_path).run(**values, guidance=5.0).artifacts
    assert np.array_equal(pixels(artifact), np.asarray(expected))


def test_everything_asked_for_matters(bench: Bench) -> None:
    base = pixels(bench.run(**SMALL).artifacts[0])
    assert np.array_equal(base, pixels(bench.run(**SMALL).artifacts[0]))
    for change in ({"prompt": "a blue heart"}, {"guidance": 9.0}, {"steps": 3}, {"seed": 2}):
        assert not np.array_equal(base, pixels(bench.run(**SMALL | change).artifacts[0])), change


def test_progress_and_previews_of_a_batch(bench: Bench) -> None:
    recording = bench.run(**SMALL | {"steps": 20, "size": (96, 64)}, count=2)
    assert [artifact.seed for artifact in recording.artifacts] == [1, 2]
    steps = [m.step for m in recording.of(PhaseProgress) if m.step]
    assert steps == sorted(steps)
    shown = recording.of(Preview)
    assert {(m.width, m.height) for m in shown} == {(48, 32)}  # not packed: a pixel for each of the latents
    assert {m.index for m in shown} == {0, 1}


def test_packed_latents_come_back_in_their_places(bench: Bench) -> None:
    bench.run(**SMALL)
    pipe = bench._pipeline._diffusers
    picture = torch.arange(1 * 16 * 24 * 32, dtype=torch.float32).view(1, 16, 24, 32)
    packed = pipe._pack_latents(picture, 1, 16, 24, 32)
    assert torch.equal(bench._pipeline.latents(packed, (64, 48)), picture)
    assert not torch.equal(bench._pipeline.latents(packed.flip(1), (64, 48)), picture)


def test_the_preview_is_where_the_flow_leads() -> None:
    """Going on straight from any step of a straight flow gives its end."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(4)
    guess = Guess(scheduler)
    end, noise = torch.full((1, 2), 3.0), torch.full((1, 2), -1.0)
    sample = noise
    assert torch.equal(guess.of(sample), noise)
    for time_step in scheduler.timesteps:
        sample = scheduler.step(noise - end, time_step, sample, return_dict=False)[0]
        assert torch.allclose(guess.of(sample), end, atol=1e-5)
    assert torch.allclose(sample, end, atol=1e-5)


def test_a_long_prompt_is_told(bench: Bench, quick: Path, tmp_path: Path) -> None:
    words = " ".join("a" * 300)  # two tokens a letter
    assert bench.run(**SMALL | {"prompt": "a " * 100}).notices == []
    assert bench.run(**SMALL | {"prompt": words}).notices == ["drawing.prompt_long"]
    shorter = Bench("flux", quick, tmp_path)
    assert shorter.run(**SMALL | {"prompt": "a " * 200}).notices == ["drawing.prompt_long"]


def test_cancel_inside_a_step(bench: Bench) -> None:
    bench.run(**SMALL)
    transformer = bench._pipeline._diffusers.transformer
    blocks = 0

    def slow(_module, _inputs) -> None:
        nonlocal blocks
        blocks += 1
        time.sleep(0.3)

    hooks = [block.register_forward_hook(lambda m, i, _: slow(m, i)) for block in layers(transformer)]
    try:
        with pytest.raises(Cancelled):
            bench.run(cancel_when=lambda _: blocks == 1, **SMALL)
    finally:
        for hook in hooks:
            hook.remove()
    assert blocks < len(hooks)  # not even one step came to its end
    assert bench.run(**SMALL).artifacts


def layers(transformer) -> list[torch.nn.Module]:
    return [*transformer.transformer_blocks, *transformer.single_transformer_blocks]


def test_broken_numbers_are_tried_again_in_full_precision(folder: Path, tmp_path: Path) -> None:
    bench = Bench("flux", folder, tmp_path, precision="bfloat16")
    bench.run(**SMALL)
    pipe = bench._pipeline._diffusers
    assert (pipe.transformer.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float32)
    pipe.transformer.proj_out.register_forward_hook(
        lambda module, _i, out: out * float("nan") if module.weight.dtype != torch.float32 else out
    )
    recording = bench.run(**SMALL)
    assert recording.notices == ["drawing.full_precision"]
    assert recording.artifacts
    assert not bench.run(**SMALL).notices  # it stays there


def test_half_the_precision_gives_nearly_the_same_picture(bench: Bench, folder: Path, tmp_path: Path) -> None:
    full = pixels(bench.run(**SMALL).artifacts[0]).astype(int)
    half = Bench("flux", folder, tmp_path, precision="bfloat16").run(**SMALL).artifacts[0]
    other = pixels(bench.run(**SMALL | {"seed": 2}).artifacts[0])
    assert 0 < abs(full - pixels(half)).mean() < abs(full - other).mean() / 3


def test_a_missing_part_is_named(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "model")
    shutil.rmtree(copy / "transformer")
    with pytest.raises(StudioError) as caught:
        Bench("flux", copy, tmp_path).run(**SMALL)
    assert caught.value.failure.code == "model.missing_file"
    assert "transformer" in caught.value.failure.message


def test_parts_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(StudioError) as caught:
        Bench("flux", write_flux(tmp_path / "m", words_width=64), tmp_path).run(**SMALL)
    assert caught.value.failure.code == "model.unrecognized"
