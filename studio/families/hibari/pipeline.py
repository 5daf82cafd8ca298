"""English text to speech with hibari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hibari import SAMPLE_RATE, Hibari
from hibari.voices import VOICES

from studio.domain.audio import Joiner
from studio.domain.failure import StudioError
from studio.domain.speech import CLAUSE, check_language, pieces_of

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context


class Pipeline:
    """A folder that holds the package's voices; each is loaded when it first speaks."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        self._folder = Path(model.path)
        self._name = model.title or model.id
        self._languages = model.languages or ("en",)
        self._threads = context.threads
        self._voice = ""
        self._speaker: Any = None

    def run(self, context: Context, request: Request) -> None:
        values = request.values
        check_language(values["prompt"], self._languages, name=self._name)
        if values["voice"] != self._voice:
            context.phase("load")
            self._load(values["voice"])
        context.phase("speak")
        pieces = pieces_of(values["prompt"])
        total, done = sum(len(piece.text) for piece in pieces), 0
        noise = np.random.default_rng(values["seed"])
        joiner = Joiner(SAMPLE_RATE)
        for piece in pieces:
            context.progress(done / total)
            sentences = self._speaker.phonemize(piece.text)  # usually one; it may cut once more
            for n, phonemes in enumerate(sentences, 1):
                samples = self._speaker.from_ids(self._speaker.ids(phonemes), values["speed"], noise)
                pause = piece.pause if n == len(sentences) else CLAUSE
                joiner.add(samples, pause / values["speed"])
            done += len(piece.text)
        context.loaded({}, precision={"model": "float32"}, weight_bytes={}, memory_format="contiguous")
        context.phase("save")
        context.save_audio(joiner.join(), SAMPLE_RATE, format=values["format"])

    def close(self) -> None:
        self._speaker = None

    def _load(self, voice: str) -> None:
        """Never through the package's own download: only files that are here."""
        name = VOICES[voice]["file"]
        file = next((f for f in (self._folder / "assets" / name, self._folder / name) if f.is_file()), None)
        if file is None:
            raise StudioError("model.missing_file", name=self._name, file=name)
        self._speaker = Hibari(voice=voice, model=str(file), threads=self._threads)
        self._speaker.phonemize("a")  # reads the words that it knows, which takes longer than the voice
        self._voice = voice
