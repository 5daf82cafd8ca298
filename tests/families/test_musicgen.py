from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from studio.domain.failure import Cancelled, StudioError
from studio.domain.parameter import ParameterError
from studio.engine.context import Context
from studio.families.registry import family
from studio.services.library.recognize import recognize
from studio.wire.messages import PhaseProgress
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_music import RATE, write_music

pytestmark = pytest.mark.usefixtures("one_thread")
TUNE = {"prompt": "a slow piano tune", "seconds": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_music(tmp_path_factory.mktemp("music") / "tiny")


@pytest.fixture(scope="module")
def band(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench("musicgen", folder, tmp_path_factory.mktemp("outputs"))
    yield bench
    bench.close()


def sound(bench: Bench, **values: object) -> np.ndarray:
    (artifact,) = bench.run(**TUNE | values).artifacts
    samples, rate = soundfile.read(artifact.path)
    assert rate == RATE
    return samples


def test_it_is_recognized_and_makes_music(folder: Path) -> None:
    found = recognize(folder)
    assert (found.spec.name, found.spec.tasks) == ("musicgen", ("music",))
    with pytest.raises(ParameterError):
        family("musicgen").complete({"prompt": "x", "seconds": 31})


def test_it_tells_how_far_loading_is(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr(Context, "progress", lambda context, fraction: told.append(fraction))
    bench = Bench("musicgen", folder, tmp_path)
    bench.run(**TUNE)
    bench.close()
    assert len(told) > 10
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize("seconds", [1, 3])
def test_it_is_as_long_as_asked(band: Bench, seconds: int) -> None:
    assert sound(band, seconds=seconds).shape == (seconds * RATE,)


def test_two_channels(tmp_path: Path) -> None:
    both = sound(Bench("musicgen", write_music(tmp_path / "m", stereo=True), tmp_path))
    assert both.shape == (RATE, 2)
    assert not np.array_equal(both[:, 0], both[:, 1])


def test_every_setting_reaches_the_model(band: Bench) -> None:
    plain = sound(band)
    assert np.array_equal(plain, sound(band))
    assert np.array_equal(plain, sound(band, format="flac"))
    for change in (
        {"prompt": "drums"},
        {"seed": 2},
        {"guidance": 1.0},
        {"guidance": 9.0},
        {"temperature": 0.5},
        {"top_k": 3},
    ):
        assert not np.array_equal(plain, sound(band, **change)), change


def test_the_same_samples_as_the_library_alone(band: Bench, folder: Path) -> None:
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    model = MusicgenForConditionalGeneration.from_pretrained(folder, local_files_only=True)
    words = AutoTokenizer.from_pretrained(folder)("a slow piano tune", return_tensors="pt")
    torch.manual_seed(1)
    expected = model.generate(
        input_ids=words.input_ids,
        attention_mask=words.attention_mask,
        do_sample=True,
        top_k=250,
        guidance_scale=3.0,
        max_new_tokens=53,  # 50 frames, and one for each codebook that begins later
    )[0, 0]
    assert np.abs(sound(band) - expected.numpy()).max() < 1e-4  # a file of 16 bits


def test_progress_counts_frames(band: Bench) -> None:
    recording = band.run(**TUNE | {"seconds": 10})
    told = [m for m in recording.of(PhaseProgress) if m.step]
    assert {m.steps for m in told} == {503}
    assert [m.step for m in told] == sorted(m.step for m in told)
    assert len(told) > 2
    assert [*family("musicgen").phases][1:] == recording.phases == ["compose", "render", "save"]


def test_cancel_keeps_the_model(band: Bench) -> None:
    band.run(**TUNE)
    loaded = band._pipeline._model
    with pytest.raises(Cancelled):
        band.run(
            lambda recording: any(m.step > 2 for m in recording.of(PhaseProgress)), **TUNE | {"seconds": 30}
        )
    assert band.last.cancelled_at is not None
    assert band.last.ended - band.last.cancelled_at < 2
    assert not band.last.artifacts
    assert band.run(**TUNE).artifacts
    assert band._pipeline._model is loaded


def test_half_the_precision_leaves_the_rendering_whole(folder: Path, tmp_path: Path) -> None:
    bench = Bench("musicgen", folder, tmp_path, precision="bfloat16")
    assert np.abs(sound(bench)).max() > 0
    model = bench._pipeline._model
    assert (model.decoder.dtype, model.text_encoder.dtype) == (torch.bfloat16, torch.bfloat16)
    assert model.audio_encoder.dtype == torch.float32


def test_broken_numbers_are_no_music(folder: Path, tmp_path: Path) -> None:
    bench = Bench("musicgen", folder, tmp_path)
    bench.run(**TUNE)
    bench._pipeline._model.audio_encoder.decoder.register_forward_hook(lambda _m, _i, out: out * float("nan"))
    with pytest.raises(StudioError) as raised:
        bench.run(**TUNE)
    assert raised.value.failure.code == "output.suspect"


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = write_music(tmp_path / "tiny")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        Bench("musicgen", folder, tmp_path).run(**TUNE)
