"""Text to speech with transformers' VITS."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import torch
from transformers import VitsModel, VitsTokenizer
from transformers.utils import logging

from studio.domain.audio import Joiner
from studio.domain.failure import StudioError
from studio.domain.speech import check_language, pieces_of

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

SHOWN = 20  # characters named in a notice


class Pipeline:
    """One VITS model and its tokenizer, which turns letters (not sounds) into tokens."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        self._name = model.title or model.id
        self._languages = model.languages
        logging.disable_progress_bar()
        self._tokenizer = VitsTokenizer.from_pretrained(model.path, local_files_only=True)
        # Without these its tokenizer fails, or drops most of the text and says so in the log only.
        for needed, library in (
            (self._tokenizer.phonemize, "phonemizer"),
            (self._tokenizer.is_uroman, "uroman"),
        ):
            if needed and importlib.util.find_spec(library) is None:
                raise StudioError("model.unrecognized", name=self._name, details=f"it needs {library}")
        asked = context.plan.precision_of("model")
        dtype = torch.float32 if asked == "auto" else getattr(torch, asked)
        self._model: Any = VitsModel.from_pretrained(
            model.path, local_files_only=True, use_safetensors=True, dtype=dtype
        )
        self._model.to(context.device).eval()

    def run(self, context: Context, request: Request) -> None:
        values = request.values
        check_language(values["prompt"], self._languages, name=self._name)
        speakers = self._model.config.num_speakers
        if values["voice"] >= speakers:
            raise StudioError("param.invalid", name="family.vits.voice", reason="family.vits.no_speaker")
        context.phase("speak")
        pieces = pieces_of(values["prompt"])
        self._tell_what_is_left_out(context, values["prompt"])
        total, done = sum(len(piece.text) for piece in pieces), 0
        rate = self._model.config.sampling_rate
        joiner = Joiner(rate)
        torch.manual_seed(values["seed"])
        with torch.inference_mode(), context.guard(self._model):
            for piece in pieces:
                context.progress(done / total)
                samples = self._speak(piece.text, values["voice"] if speakers > 1 else None, values["speed"])
                joiner.add(samples, piece.pause / values["speed"])
                done += len(piece.text)
        context.loaded({"model": self._model}, main="model")
        context.phase("save")
        context.save_audio(joiner.join(), rate, format=values["format"])

    def close(self) -> None:
        self._model = self._tokenizer = None

    def _speak(self, text: str, speaker: int | None, speed: float) -> Any:
        """Samples of *text*, float32 in -1..1, shape (n,); none if no character of it is known."""
        inputs = self._tokenizer(text, return_tensors="pt").to(self._model.device)
        if inputs["input_ids"].shape[1] < 2:
            return torch.zeros(0).numpy()
        pace = self._model.config.speaking_rate * speed
        output = self._model(**inputs, speaker_id=speaker, speaking_rate=pace)
        return output.waveform[0].float().cpu().numpy()

    def _tell_what_is_left_out(self, context: Context, text: str) -> None:
        """A tokenizer of letters drops what it does not know. Raises StudioError if that is all of it."""
        read = self._tokenizer.normalize_text(text) if self._tokenizer.normalize else text
        words = {character for character in read if character.isalnum()}
        unknown = sorted(words - set(self._tokenizer.get_vocab()))
        if len(unknown) == len(words):
            raise StudioError(
                "param.invalid", name="parameter.prompt", reason="parameter.prompt.nothing_to_say"
            )
        if unknown:
            context.notice("family.vits.left_out", characters=" ".join(unknown[:SHOWN]))
