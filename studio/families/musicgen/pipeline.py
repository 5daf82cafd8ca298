"""Music with transformers' MusicGen: tokens of sound are written one frame after another, then rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    MusicgenForConditionalGeneration,
    StoppingCriteria,
    StoppingCriteriaList,
)

from studio.diffusion.reading import reading
from studio.domain.audio import within
from studio.domain.failure import StudioError
from studio.domain.plan import KvCache
from studio.families.musicgen.walk import frames_of

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

LOCAL = {"local_files_only": True, "trust_remote_code": False}


class Pipeline:
    """One model and the tokenizer of its text encoder."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        types = context.plan.precision
        if not types:
            plain, *half = context.spec.precisions["cpu" if context.device == "cpu" else "gpu"]
            types = half[0] if half and context.device != "cpu" else plain
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model.path, **LOCAL)
            with reading(context):
                self._model: Any = MusicgenForConditionalGeneration.from_pretrained(
                    model.path,
                    use_safetensors=True,
                    dtype=torch.float32,
                    attn_implementation=_attention(context.plan.attention),
                    **LOCAL,
                )
        except ValueError as error:
            raise StudioError("model.unrecognized", name=model.title, details=str(error)) from error
        for part, module in self._model.named_children():  # the library itself loads all in one type
            module.to(context.device, getattr(torch, types.get(part) or types["*"]))
        self._model.text_encoder.register_forward_hook(self._hand_over)
        self._model.eval()

    def close(self) -> None:
        self._model = self._tokenizer = None

    @torch.no_grad()
    def run(self, context: Context, request: Request) -> None:
        values, model = request.values, self._model
        context.phase("compose")
        words = self._tokenizer(values["prompt"], return_tensors="pt").to(model.device)
        sound, decoder = model.config.audio_encoder, model.config.decoder
        frames = frames_of(values["seconds"], sound.frame_rate, decoder.num_codebooks, decoder.audio_channels)
        torch.manual_seed(values["seed"])
        # One frame takes far less than a second even in a large model: there it is enough to look between.
        with context.guard(model.text_encoder), context.guard(model.audio_encoder):
            samples = model.generate(
                input_ids=words.input_ids,
                attention_mask=words.attention_mask,
                generation_config=self._settings(values, frames),
                stopping_criteria=StoppingCriteriaList([_Progress(context, frames)]),
            )
        kept = KvCache(type="dynamic", length=frames)
        context.loaded(dict(model.named_children()), main="decoder", kv_cache=kept)
        context.phase("save")
        heard = within(samples[0].T.float().cpu().numpy())
        context.save_audio(heard, sound.sampling_rate, format=values["format"])

    def _hand_over(self, _module: Any, _inputs: Any, read: Any) -> Any:
        """What was read, in the numbers of what goes on with it."""
        read.last_hidden_state = read.last_hidden_state.to(self._model.decoder.dtype)
        return read

    def _settings(self, values: dict[str, Any], frames: int) -> GenerationConfig:
        own = self._model.generation_config
        return GenerationConfig(
            max_new_tokens=frames,
            do_sample=True,
            temperature=values["temperature"],
            top_k=values["top_k"],
            guidance_scale=values["guidance"],
            bos_token_id=own.bos_token_id,
            pad_token_id=own.pad_token_id,
            decoder_start_token_id=own.decoder_start_token_id,
        )


def _attention(kind: str) -> dict[str, str] | None:
    """Of the parts that have a choice; fused by themselves, where they can."""
    return {"text_encoder": kind, "decoder": kind} if kind == "eager" else None


class _Progress(StoppingCriteria):
    """Never stops by itself: tells of each frame, and lets a cancelled job end there."""

    def __init__(self, context: Context, frames: int) -> None:
        self._context = context
        self._made, self._frames = 0, frames

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **_: Any) -> torch.Tensor:
        del scores
        self._made += 1
        self._context.step(self._made, self._frames)
        if self._made == self._frames:
            self._context.phase("render")
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
