from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from studio.domain.failure import Cancelled, StudioError
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_speech import RATE, write_vits

SENTENCE = "The kettle is on, and the day is all yours."


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("vits")
    bench = Bench("vits", write_vits(folder / "tiny", speakers=3), folder / "outputs", languages=("en",))
    yield bench
    bench.close()


def test_every_setting_reaches_the_model(voice: Bench) -> None:
    def sound(**values: object) -> bytes:
        (artifact,) = voice.run(prompt=SENTENCE, **values).artifacts
        samples, rate = soundfile.read(artifact.path)
        assert rate == RATE
        return samples.tobytes()

    plain = sound()
    assert plain == sound()
    assert plain == sound(format="flac")
    assert plain != sound(seed=2)
    assert plain != sound(voice=2)
    assert len(sound(speed=2.0)) < 0.8 * len(plain)


def test_a_speaker_that_is_not_there_is_refused(voice: Bench) -> None:
    with pytest.raises(StudioError) as raised:
        voice.run(prompt=SENTENCE, voice=3)
    assert raised.value.failure.code == "param.invalid"


def test_a_model_with_one_speaker_speaks(tmp_path: Path) -> None:
    assert Bench("vits", write_vits(tmp_path / "tiny"), tmp_path).run(prompt=SENTENCE).artifacts


def test_what_it_cannot_read_is_named(voice: Bench) -> None:
    recording = voice.run(prompt="There are 3 apples.")
    assert recording.notices == ["family.vits.left_out"]
    assert voice.run(prompt="There are three apples!").notices == []
    with pytest.raises(StudioError) as raised:
        voice.run(prompt="1984")
    assert raised.value.failure.code == "param.invalid"


def test_another_language_is_refused(voice: Bench, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"model\.language"):
        voice.run(prompt="你好")
    nobody_knows = Bench("vits", write_vits(tmp_path / "tiny"), tmp_path)
    with pytest.raises(StudioError, match=r"param\.invalid"):  # the letters decide
        nobody_knows.run(prompt="你好")


def test_cancel_within_a_sentence_keeps_the_model(voice: Bench) -> None:
    voice.run(prompt=SENTENCE)
    loaded = voice._pipeline._model
    with pytest.raises(Cancelled):
        voice.run(lambda recording: "speak" in recording.phases, prompt=f"{SENTENCE} " * 1000)
    assert voice.last.cancelled_at is not None
    assert voice.last.ended - voice.last.cancelled_at < 2
    assert voice.run(prompt=SENTENCE).artifacts
    assert voice._pipeline._model is loaded


@pytest.mark.parametrize("needed", ["phonemize", "is_uroman"])
def test_a_model_that_needs_another_library_is_refused(tmp_path: Path, needed: str) -> None:
    with pytest.raises(StudioError) as raised:
        Bench("vits", write_vits(tmp_path / "tiny", **{needed: True}), tmp_path).run(prompt=SENTENCE)
    assert raised.value.failure.code == "model.unrecognized"


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = write_vits(tmp_path / "tiny")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        Bench("vits", folder, tmp_path).run(prompt=SENTENCE)
