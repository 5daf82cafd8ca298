from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hibari
import numpy as np
import pytest
import soundfile

from studio.domain.failure import Cancelled, StudioError
from studio.services.checks import speech
from tests.fakes.recording_context import Bench

FOLDER = Path(hibari.__file__).parent
SENTENCE = "Good morning! The kettle is on, and the day is all yours."
LONG = " ".join(f"Number {n} of many, which the voice reads without getting lost." for n in range(300))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench("hibari", FOLDER, tmp_path_factory.mktemp("outputs"), languages=("en",))
    yield bench
    bench.close()


def samples(path: str) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.parametrize(
    "text", [SENTENCE, "Hello.", "On the 3rd of March 2024, 1,250 people paid $9.99. Dr. Smith did not!"]
)
def test_it_speaks(voice: Bench, text: str) -> None:
    (artifact,) = voice.run(prompt=text).artifacts
    info = soundfile.info(artifact.path)
    assert (info.samplerate, info.channels, artifact.media_type) == (24_000, 1, "audio/wav")
    assert artifact.seconds == pytest.approx(info.duration)
    assert speech.problems(samples(artifact.path), info.samplerate, text) == ()


def test_speed_seed_and_format_are_used(voice: Bench) -> None:
    plain, same, other = (voice.run(prompt=SENTENCE, seed=seed).artifacts[0] for seed in (3, 3, 4))
    assert plain.seconds
    assert samples(plain.path).tobytes() == samples(same.path).tobytes() != samples(other.path).tobytes()
    fast = voice.run(prompt=SENTENCE, speed=2.0).artifacts[0]
    assert fast.seconds
    assert fast.seconds < 0.65 * plain.seconds
    flac = voice.run(prompt=SENTENCE, seed=3, format="flac").artifacts[0]
    assert flac.media_type == "audio/flac"
    assert samples(flac.path).tobytes() == samples(plain.path).tobytes()


def test_a_long_text_is_joined_without_clicks(voice: Bench) -> None:
    """No step between two samples is larger than within a sentence."""
    recording = voice.run(prompt=f"{SENTENCE} {SENTENCE}\n\n{SENTENCE}")
    whole = samples(recording.artifacts[0].path)
    one = samples(voice.run(prompt="The kettle is on, and the day is all yours.").artifacts[0].path)
    assert np.abs(np.diff(whole, prepend=0, append=0)).max() <= 1.3 * np.abs(np.diff(one)).max()
    assert recording.artifacts[0].seconds
    assert recording.artifacts[0].seconds > 2.5 * one.size / 24_000


def test_progress_and_cancel_between_sentences(voice: Bench) -> None:
    with pytest.raises(Cancelled):
        voice.run(lambda recording: "speak" in recording.phases, prompt=LONG)
    assert voice.last.cancelled_at is not None
    assert voice.last.ended - voice.last.cancelled_at < 2
    assert voice.last.artifacts == []
    assert voice.run(prompt="Hello.").artifacts


def test_chinese_is_never_spelt_out(voice: Bench) -> None:
    with pytest.raises(StudioError) as raised:
        voice.run(prompt="He said 你好 and left.")
    assert raised.value.failure.code == "model.language"
    assert "Chinese" in raised.value.failure.message
    assert voice.last.artifacts == []


@pytest.mark.parametrize("text", ["...", "!?", "— — —"])
def test_a_text_without_words_is_refused(voice: Bench, text: str) -> None:
    with pytest.raises(StudioError) as raised:
        voice.run(prompt=text)
    assert raised.value.failure.code == "param.invalid"


def test_a_voice_that_is_not_here_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(StudioError) as raised:
        Bench("hibari", tmp_path, tmp_path).run(prompt="Hello.")
    assert raised.value.failure.code == "model.missing_file"
