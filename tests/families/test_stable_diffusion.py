"""Pictures from prompts, on tiny real components and on the bundled model."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.diffusion import loading, precision, schedulers
from studio.diffusion import original as loading_original
from studio.domain.failure import Cancelled, StudioError
from studio.domain.parameter import MAX_SEED, ParameterError
from studio.families.registry import family
from studio.families.stable_diffusion import original as original_files
from studio.services.library.recognize import recognize
from studio.wire.messages import Notice, PhaseProgress, Preview
from tests.fakes.original_checkpoint import write_original
from tests.fakes.recording_context import Bench, Recording
from tests.fakes.tiny_diffusion import TOKENS, write_pipeline

ICONS = Path(__file__).parents[2] / "assets" / "models" / "starter-icons"
SPEC = family("stable_diffusion")
pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = {"size": (64, 64), "steps": 2, "prompt": "a red apple"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pipeline(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def bench(folder, tmp_path_factory):
    bench = Bench("stable_diffusion", folder, tmp_path_factory.mktemp("outputs"))
    yield bench
    bench.close()


@pytest.fixture
def fresh(folder, tmp_path):
    """A copy whose files may be spoilt, and a bench on it."""
    copy = shutil.copytree(folder, tmp_path / "model")
    bench = Bench("stable_diffusion", copy, tmp_path / "outputs")
    yield bench
    bench.close()


def pixels(artifact) -> np.ndarray:
    return np.asarray(Image.open(artifact.path))


def test_it_is_recognized_by_content(folder):
    found = recognize(folder)
    assert (found.spec.name, found.path) == ("stable_diffusion", folder)
    assert recognize(ICONS).spec.name == "stable_diffusion"


def test_a_picture_of_the_size_asked_for(bench):
    recording = bench.run(**SMALL | {"size": (80, 64)})
    (artifact,) = recording.artifacts
    assert pixels(artifact).shape == (64, 80, 3)
    assert (artifact.width, artifact.height, artifact.seed) == (80, 64, 1)
    assert set(recording.phases) <= set(SPEC.phases)
    assert recording.phases[-2:] == ["decode", "save"]


def test_the_same_pixels_as_the_library_alone(bench, folder):
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        "a red apple",
        negative_prompt="blue",
        width=64,
        height=64,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(7),
    ).images[0]
    recording = bench.run(**SMALL | {"steps": 3}, negative="blue", guidance=5.0, scheduler="ddim", seed=7)
    assert np.array_equal(pixels(recording.artifacts[0]), np.asarray(expected))


@pytest.mark.parametrize("scheduler", schedulers.CLASSES)
@pytest.mark.parametrize("steps", [1, 3])
def test_every_scheduler(bench, scheduler, steps):
    recording = bench.run(**SMALL | {"scheduler": scheduler, "steps": steps})
    again = bench.run(**SMALL | {"scheduler": scheduler, "steps": steps})
    assert recording.artifacts[0].sha256 == again.artifacts[0].sha256


def test_the_choices_are_the_schedulers_there_are():
    (choice,) = (p for p in SPEC.parameters if p.name == "scheduler")
    assert set(choice.choices) == set(schedulers.CLASSES)
    assert {choice.title(name) for name in choice.choices}.isdisjoint(choice.choices)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", schedulers.CLASSES)
def test_schedulers_keep_what_the_model_predicts(tmp_path, prediction, name):
    from diffusers import PNDMScheduler

    PNDMScheduler(prediction_type=prediction, beta_schedule="scaled_linear").save_pretrained(tmp_path)
    built = schedulers.build(name, tmp_path, steps=100)
    assert built.config.prediction_type == prediction
    assert built.config.beta_schedule == "scaled_linear"
    assert not built.config.get("clip_sample", False)
    built.set_timesteps(100)


def test_pictures_of_a_batch_have_seeds_of_their_own(bench):
    three = bench.run(**SMALL, count=3, seed=MAX_SEED - 1).artifacts
    assert [artifact.seed for artifact in three] == [MAX_SEED - 1, MAX_SEED, 0]
    assert [artifact.index for artifact in three] == [0, 1, 2]
    alone = bench.run(**SMALL, seed=MAX_SEED).artifacts[0]
    assert np.array_equal(pixels(alone), pixels(three[1]))
    assert not np.array_equal(pixels(three[0]), pixels(three[1]))


def test_progress_of_a_batch_never_goes_back(bench):
    recording = bench.run(**SMALL | {"steps": 10}, count=3)
    for phase in ("denoise", "decode", "save"):
        told = [
            m.fraction for m in recording.of(PhaseProgress) if m.phase == phase and m.fraction is not None
        ]
        assert told == sorted(told)
    steps = [(m.step, m.steps) for m in recording.of(PhaseProgress) if m.step]
    assert all(n == 30 for _, n in steps)


def test_previews_show_every_picture(bench):
    recording = bench.run(**SMALL | {"steps": 20}, count=2)
    shown = recording.of(Preview)
    assert {(m.width, m.height) for m in shown} == {(32, 32)}
    assert {m.index for m in shown} == {0, 1}


def test_everything_asked_for_matters(bench):
    base = pixels(bench.run(**SMALL).artifacts[0])
    for change in (
        {"prompt": "a blue heart"},
        {"negative": "green"},
        {"guidance": 3.0},
        {"steps": 3},
        {"seed": 2},
        {"scheduler": "euler_a"},
    ):
        assert not np.array_equal(base, pixels(bench.run(**SMALL | change).artifacts[0])), change


def test_without_guidance_the_negative_prompt_plays_no_part(bench):
    one = bench.run(**SMALL | {"guidance": 1.0})
    other = bench.run(**SMALL | {"guidance": 1.0, "negative": "green"})
    assert np.array_equal(pixels(one.artifacts[0]), pixels(other.artifacts[0]))


@pytest.mark.parametrize(
    ("text", "used"), [("a" * (TOKENS - 2), None), ("a" * (TOKENS - 1), TOKENS - 1), ("红" * 100, 300)]
)
def test_a_long_prompt_is_told(bench, text, used):
    recording = bench.run(**SMALL | {"prompt": text})
    if used is None:
        assert not recording.notices
    else:
        (notice,) = recording.of(Notice)
        assert notice.key == "drawing.prompt_long"
        assert notice.values == {"used": str(used), "limit": str(TOKENS - 2)}


@pytest.mark.parametrize(
    "value", [{"prompt": "  "}, {"steps": 0}, {"count": 17}, {"size": (70, 64)}, {"scheduler": "no"}]
)
def test_bad_values_are_refused(value):
    with pytest.raises(ParameterError):
        SPEC.complete({"prompt": "x", **value})


# --- cancel -----------------------------------------------------------------------------------------


def test_cancel_between_steps(bench):
    with pytest.raises(Cancelled):
        bench.run(cancel_when=lambda recording: recording.of(Preview), **SMALL | {"steps": 150})
    assert bench.run(**SMALL).artifacts  # the model still serves


def test_cancel_inside_a_step(bench):
    pipeline_of(bench)
    unet = bench._pipeline._diffusers.unet
    blocks = 0

    def slow(_module, _inputs):
        nonlocal blocks
        blocks += 1
        time.sleep(0.3)

    hooks = [block.register_forward_pre_hook(slow) for block in (*unet.down_blocks, *unet.up_blocks)]
    started = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            bench.run(cancel_when=lambda _: blocks == 1, **SMALL)
    finally:
        for hook in hooks:
            hook.remove()
    assert blocks < 4  # not even one step came to its end
    assert time.monotonic() - started < 60
    assert bench.run(**SMALL).artifacts


def pipeline_of(bench):
    bench.run(**SMALL)
    return bench._pipeline


def test_cancel_while_loading(fresh):
    with pytest.raises(Cancelled):
        fresh.run(cancel_when=lambda recording: recording.of(PhaseProgress), **SMALL)


# --- what is broken ---------------------------------------------------------------------------------


def spoil(pipeline, how):
    """Let the denoiser give *how(output)* from now on."""
    return pipeline._diffusers.unet.register_forward_hook(lambda _m, _i, out: (how(out[0]),))


@pytest.mark.parametrize(
    "how",
    [lambda x: x * float("nan"), lambda x: x * float("inf"), lambda x: torch.where(x > 0, x, float("nan"))],
    ids=["nan", "inf", "half nan"],
)
def test_what_is_no_picture_is_refused(fresh, how):
    hook = spoil(pipeline_of(fresh), how)
    before = len(list(fresh.outputs.rglob("*.png")))
    with pytest.raises(StudioError) as caught:
        fresh.run(**SMALL)
    hook.remove()
    assert caught.value.failure.code == "output.suspect"
    assert len(list(fresh.outputs.rglob("*.png"))) == before
    assert fresh.run(**SMALL).artifacts


@pytest.mark.parametrize(("spread", "passes"), [(0.0, False), (2.5 / 255, False), (8 / 255, True)])
def test_flat_pictures_and_dark_ones(fresh, spread, passes):
    """Black, or one colour, is broken; a night sky of a few shades is not."""
    vae = pipeline_of(fresh)._diffusers.vae

    def dark(_module, _inputs, output):
        shades = torch.linspace(-1, -1 + 2 * spread, output.shape[-1])
        return shades.expand_as(output)

    hook = vae.decoder.register_forward_hook(dark)
    if passes:
        assert fresh.run(**SMALL).artifacts
    else:
        with pytest.raises(StudioError):
            fresh.run(**SMALL)
    hook.remove()


def test_broken_numbers_are_tried_again_in_full_precision(folder, tmp_path):
    bench = Bench("stable_diffusion", folder, tmp_path, precision="bfloat16")
    pipeline = pipeline_of(bench)
    assert pipeline._diffusers.unet.dtype == torch.bfloat16
    hook = pipeline._diffusers.unet.conv_out.register_forward_hook(
        lambda module, _i, out: out * float("nan") if module.weight.dtype != torch.float32 else out
    )
    recording = bench.run(**SMALL)
    assert recording.notices == ["drawing.full_precision"]
    assert recording.artifacts
    assert not bench.run(**SMALL).notices  # it stays there
    hook.remove()
    bench.close()


def test_a_missing_part_is_named(fresh):
    shutil.rmtree(Path(fresh.model.path) / "vae")
    with pytest.raises(StudioError) as caught:
        fresh.run(**SMALL)
    assert caught.value.failure.code == "model.missing_file"
    assert "vae" in caught.value.failure.message


@pytest.mark.parametrize("change", [{"extra_channels": 5}, {"text_width": 64}])
def test_parts_that_do_not_fit(tmp_path, change):
    bench = Bench("stable_diffusion", write_pipeline(tmp_path / "m", **change), tmp_path)
    with pytest.raises(StudioError) as caught:
        bench.run(**SMALL)
    assert caught.value.failure.code == "model.unrecognized"


def test_half_precision_files(folder, tmp_path):
    half = write_pipeline(tmp_path / "m", variant="fp16")
    assert list((half / "unet").glob("*.fp16.safetensors"))
    bench = Bench("stable_diffusion", half, tmp_path)
    assert bench.run(**SMALL).artifacts
    bench.close()


# --- original checkpoints ---------------------------------------------------------------------------


def put_tiny(monkeypatch, where, **folders):
    """Tiny configurations and a tiny vocabulary in the place of the real ones."""
    for name, tiny in folders.items():
        monkeypatch.setattr(where, name, tiny)
        monkeypatch.setattr(loading_original, "CLIP", tiny / "tokenizer")


@pytest.fixture
def original(folder, tmp_path, monkeypatch):
    """The tiny model as one file, with its own configurations in the place of those of 1.x."""
    put_tiny(monkeypatch, original_files, V1=folder)
    return write_original(folder, tmp_path / "tiny.safetensors")


def test_an_original_checkpoint_draws_the_same(original, bench, tmp_path):
    assert recognize(original).spec.name == "stable_diffusion"
    expected = bench.run(**SMALL)
    pipe = bench._pipeline._diffusers
    single = Bench("stable_diffusion", original, tmp_path)
    recording = single.run(**SMALL)
    loaded = single._pipeline._diffusers
    for part in ("unet", "vae", "text_encoder"):
        theirs = getattr(loaded, part).state_dict()
        ours = getattr(pipe, part).state_dict()
        assert theirs.keys() == ours.keys()
        assert {value.dtype for value in theirs.values()} == {torch.float32}
        for name, value in ours.items():
            assert torch.equal(theirs[name], value.half().to(value.dtype)), f"{part}.{name}"
    difference = pixels(recording.artifacts[0]).astype(int) - pixels(expected.artifacts[0])
    assert abs(difference).mean() < 2  # the file has half the precision
    single.close()


@pytest.mark.parametrize(
    "lost", ["model.diffusion_model.out.", "cond_stage_model.transformer.text_model.final"]
)
def test_an_original_checkpoint_that_lacks_something(original, tmp_path, lost):
    from safetensors.torch import load_file, save_file

    rest = {name: value for name, value in load_file(original).items() if not name.startswith(lost)}
    save_file(rest, tmp_path / "rest.safetensors")
    with pytest.raises(StudioError) as caught:
        Bench("stable_diffusion", tmp_path / "rest.safetensors", tmp_path).run(**SMALL)
    assert caught.value.failure.code == "model.unrecognized"


def test_only_whole_checkpoints_of_1_x_are_recognized(original, tmp_path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(original)
    for lost in ("first_stage_model.", "cond_stage_model."):
        save_file({n: v for n, v in tensors.items() if not n.startswith(lost)}, tmp_path / "part.safetensors")
        with pytest.raises(StudioError):
            recognize(tmp_path / "part.safetensors")


def test_the_vocabulary_of_1_x_is_clip_s():
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(str(loading_original.CLIP), local_files_only=True)
    assert len(tokenizer) == 49408
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer.model_max_length == 77


def test_the_configurations_of_1_x_are_its_real_sizes():
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    def millions(model):
        return round(sum(p.numel() for p in model.parameters()) / 1e6, 1)

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(
            UNet2DConditionModel.load_config(str(original_files.V1 / "unet"))
        )
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(str(original_files.V1 / "vae")))
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(str(original_files.V1 / "text_encoder")))
    assert (millions(unet), millions(vae), millions(text)) == (859.5, 83.7, 123.1)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("DefaultCPUAllocator: can't allocate memory", RuntimeError), ("size mismatch for weight", StudioError)],
)
def test_full_memory_is_no_fault_of_the_model(folder, tmp_path, words, expected):
    """What the engine tells of an error from its words must not be hidden by the loader's own."""

    class Full:
        scheduler, sizes = folder / "scheduler", {"unet": 1}

        def part(self, name, dtype):
            raise RuntimeError(words)

    context = Bench("stable_diffusion", folder, tmp_path)
    recording = Recording(context, context.request(prompt="a"))
    with pytest.raises(expected):
        loading.load_parts(recording.context, Full(), precision.Types({"*": "float32"}), {}, "m")


# --- precision --------------------------------------------------------------------------------------


def test_precision_is_as_planned_or_measured(monkeypatch):
    def types(device: str, planned: dict[str, str], size: int) -> tuple[torch.dtype, ...]:
        chosen = precision.choose(SPEC, device=device, planned=planned, weight_bytes=size)
        return chosen["unet"], chosen["vae"], chosen["text_encoder"]

    full, half, brain = torch.float32, torch.float16, torch.bfloat16
    assert types("cpu", {}, 100 * 2**20) == (full, full, full)
    assert types("cuda:0", {}, 2**31) == (half, half, full)
    assert types("cuda:0", {"*": "float32"}, 2**31) == (full, full, full)
    assert types("cpu", {"unet": "bfloat16"}, 1) == (brain, full, full)
    assert types("cuda:0", {"unet": "bfloat16", "vae": "bfloat16"}, 1) == (brain, brain, full)
    for faster, expected in ((True, brain), (False, full)):
        monkeypatch.setattr(precision, "bfloat16_is_faster", lambda threads, faster=faster: faster)
        assert types("cpu", {}, 2**31) == (expected, full, full)


def test_the_measurement_answers():
    assert precision.bfloat16_is_faster(torch.get_num_threads()) in (True, False)


# --- the bundled model ------------------------------------------------------------------------------


def test_bundled_model_draws(tmp_path):
    bench = Bench("stable_diffusion", ICONS, tmp_path)
    values = {"prompt": "red apple", "size": (64, 64), "guidance": 4.0, "steps": 12, "scheduler": "ddim"}
    recording = bench.run(**values)
    picture = pixels(recording.artifacts[0]).astype(int)
    red = (picture[..., 0] > 150) & (picture[..., 1] < 90) & (picture[..., 2] < 90)
    assert red.mean() > 0.25
    assert (picture.min(-1) > 225).mean() > 0.1  # on white
    preview = recording.of(Preview)
    assert {(m.width, m.height) for m in preview} == {(8, 8)}
    assert bench.run(**values).artifacts[0].sha256 == recording.artifacts[0].sha256
    bench.close()


def test_the_preview_of_the_bundled_model_has_the_right_colours(tmp_path):
    bench = Bench("stable_diffusion", ICONS, tmp_path)
    for prompt, loudest in (("red apple", 0), ("blue heart", 2)):
        recording = bench.run(prompt=prompt, size=(64, 64), guidance=4.0, steps=8, scheduler="ddim")
        shown = [
            b for m, b in zip(recording.messages, recording.blobs, strict=True) if isinstance(m, Preview)
        ]
        last = np.frombuffer(shown[-1], np.uint8).reshape(8, 8, 3)[2:6, 2:6].mean((0, 1))
        assert last.argmax() == loudest, last
    bench.close()
