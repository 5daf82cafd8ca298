"""Large pictures from prompts, on tiny real components."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.domain.failure import Cancelled, StudioError
from studio.families.registry import family
from studio.services.library.recognize import recognize
from studio.wire.messages import PhaseProgress, Preview
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import TOKENS, write_xl

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = {"size": (64, 64), "steps": 2, "prompt": "a red apple"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_xl(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def bench(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench("stable_diffusion_xl", folder, tmp_path_factory.mktemp("outputs"))
    yield bench
    bench.close()


def pixels(artifact) -> np.ndarray:
    return np.asarray(Image.open(artifact.path))


def test_it_is_recognized_by_content(folder: Path) -> None:
    assert recognize(folder).spec.name == "stable_diffusion_xl"


def test_it_draws_large_pictures_by_default() -> None:
    values = family("stable_diffusion_xl").complete({"prompt": "x"})
    assert values["size"] == (1024, 1024)


@pytest.mark.parametrize(("negative", "zeros"), [("blue", True), ("", True), ("", False)])
def test_the_same_pixels_as_the_library_alone(tmp_path: Path, negative: str, zeros: bool) -> None:
    from diffusers import DDIMScheduler, StableDiffusionXLPipeline

    folder = write_xl(tmp_path / "m", zeros=zeros)
    pipe = StableDiffusionXLPipeline.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, add_watermarker=False
    )
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        "a red apple",
        negative_prompt=negative or None,
        width=80,
        height=64,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(7),
    ).images[0]
    recording = Bench("stable_diffusion_xl", folder, tmp_path).run(
        prompt="a red apple", size=(80, 64), steps=3, negative=negative, scheduler="ddim", seed=7
    )
    (artifact,) = recording.artifacts
    assert np.array_equal(pixels(artifact), np.asarray(expected))
    assert (artifact.width, artifact.height, artifact.seed) == (80, 64, 7)


def test_everything_asked_for_matters(bench: Bench) -> None:
    base = pixels(bench.run(**SMALL).artifacts[0])
    assert np.array_equal(base, pixels(bench.run(**SMALL).artifacts[0]))
    for change in (
        {"prompt": "a blue heart"},
        {"negative": "green"},
        {"guidance": 3.0},
        {"steps": 3},
        {"seed": 2},
        {"scheduler": "euler_a"},
    ):
        assert not np.array_equal(base, pixels(bench.run(**SMALL | change).artifacts[0])), change


def test_without_guidance_the_negative_prompt_plays_no_part(bench: Bench) -> None:
    one = bench.run(**SMALL | {"guidance": 1.0})
    other = bench.run(**SMALL | {"guidance": 1.0, "negative": "green"})
    assert np.array_equal(pixels(one.artifacts[0]), pixels(other.artifacts[0]))


def test_progress_and_previews_of_a_batch(bench: Bench) -> None:
    recording = bench.run(**SMALL | {"steps": 20}, count=2)
    assert [artifact.seed for artifact in recording.artifacts] == [1, 2]
    steps = [m.step for m in recording.of(PhaseProgress) if m.step]
    assert steps == sorted(steps)
    shown = recording.of(Preview)
    assert {(m.width, m.height) for m in shown} == {(32, 32)}
    assert {m.index for m in shown} == {0, 1}


def test_a_long_prompt_is_told_once(bench: Bench) -> None:
    recording = bench.run(**SMALL | {"prompt": "a" * TOKENS})
    assert recording.notices == ["drawing.prompt_long"]
    assert bench.run(**SMALL).notices == []


def test_cancel_inside_a_step(bench: Bench) -> None:
    bench.run(**SMALL)
    unet = bench._pipeline._diffusers.unet
    blocks = 0

    def slow(_module, _inputs) -> None:
        nonlocal blocks
        blocks += 1
        time.sleep(0.3)

    hooks = [block.register_forward_pre_hook(slow) for block in (*unet.down_blocks, *unet.up_blocks)]
    try:
        with pytest.raises(Cancelled):
            bench.run(cancel_when=lambda _: blocks == 1, **SMALL)
    finally:
        for hook in hooks:
            hook.remove()
    assert blocks < 4  # not even one step came to its end
    assert bench.run(**SMALL).artifacts


def test_broken_numbers_are_tried_again_in_full_precision(folder: Path, tmp_path: Path) -> None:
    bench = Bench("stable_diffusion_xl", folder, tmp_path, precision="bfloat16")
    bench.run(**SMALL)
    pipe = bench._pipeline._diffusers
    assert (pipe.unet.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float32)
    pipe.unet.conv_out.register_forward_hook(
        lambda module, _i, out: out * float("nan") if module.weight.dtype != torch.float32 else out
    )
    recording = bench.run(**SMALL)
    assert recording.notices == ["drawing.full_precision"]
    assert recording.artifacts
    assert not bench.run(**SMALL).notices  # it stays there


def test_half_the_precision_gives_nearly_the_same_picture(bench: Bench, folder: Path, tmp_path: Path) -> None:
    full = pixels(bench.run(**SMALL).artifacts[0]).astype(int)
    half = Bench("stable_diffusion_xl", folder, tmp_path, precision="bfloat16").run(**SMALL).artifacts[0]
    other = pixels(bench.run(**SMALL | {"seed": 2}).artifacts[0])
    assert 0 < abs(full - pixels(half)).mean() < abs(full - other).mean() / 3


def test_a_missing_part_is_named(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "model")
    shutil.rmtree(copy / "text_encoder_2")
    with pytest.raises(StudioError) as caught:
        Bench("stable_diffusion_xl", copy, tmp_path).run(**SMALL)
    assert caught.value.failure.code == "model.missing_file"
    assert "text_encoder_2" in caught.value.failure.message


def test_a_denoiser_that_is_told_something_else(tmp_path: Path) -> None:
    with pytest.raises(StudioError) as caught:
        Bench("stable_diffusion_xl", write_xl(tmp_path / "m", conditions=16), tmp_path).run(**SMALL)
    assert caught.value.failure.code == "model.unrecognized"
