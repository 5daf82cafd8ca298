"""Chat and completion with transformers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch
from jinja2 import TemplateError
from transformers import Cache, GenerationConfig, StaticCache

from studio.domain.failure import StudioError
from studio.domain.plan import KvCache
from studio.domain.writing import beginning, turns
from studio.families.transformers_text.loading import load
from studio.families.transformers_text.streamer import Streamer

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

STATIC = "static"


class Pipeline:
    """One causal language model and its tokenizer."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        self._name = model.title or model.id
        self._device = context.device
        self._model, self._tokenizer = load(context, model.path, self._name)
        config = self._model.config.get_text_config()
        self._limit: int | None = getattr(config, "max_position_embeddings", None)

    def run(self, context: Context, request: Request) -> None:
        values = request.values
        context.phase("prompt")
        prompt = self._encode(values)
        room = values["max_tokens"]
        if self._limit is not None:
            room = min(room, self._limit - prompt.shape[1])
        if room <= 0:
            details = f"{prompt.shape[1]} tokens, {self._limit} at most"
            raise StudioError(
                "param.invalid", name="parameter.prompt", reason="parameter.prompt.too_long", details=details
            )
        streamer = Streamer(self._tokenizer, on_read=lambda: context.phase("generate"), on_text=context.text)
        torch.manual_seed(values["seed"])
        kept = context.plan.kv_cache
        fixed = kept is not None and kept.type == STATIC
        settings = self._settings(values, room, cache=STATIC if fixed else None)
        began = time.monotonic()
        with torch.inference_mode(), context.guard(self._model):
            written: Any = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                generation_config=settings,
                streamer=streamer,
            )
        generated = len(streamer.ids)
        # The first token belongs to the reading of the prompt, unless it is the only one.
        seconds = streamer.last - (streamer.first if generated > 1 else began)
        context.tokens(
            prompt=prompt.shape[1],
            generated=generated,
            per_second=max(1, generated - 1) / max(seconds, 1e-9),
            context=self._limit or 0,
        )
        context.loaded({"model": self._model}, main="model", kv_cache=_kept(written.cache))
        context.finish("stop" if streamer.ids[-1] in settings.eos_token_id else "limit")
        context.phase("save")
        context.save_text(streamer.text)

    def close(self) -> None:
        self._model = self._tokenizer = None

    def _encode(self, values: dict[str, Any]) -> torch.Tensor:
        """Token ids of what the model is to read, shape (1, tokens)."""
        messages = turns(values, chat=bool(self._tokenizer.chat_template), name=self._name)
        if messages is None:
            ids = self._tokenizer(beginning(values), return_tensors="pt")["input_ids"]
        else:
            try:
                ids = self._apply_template(messages)
            except TemplateError:  # many templates refuse a system turn: say it in the first user turn
                ids = self._apply_template(_without_system(messages))
        return ids.to(self._device)

    def _apply_template(self, messages: list[dict[str, str]]) -> torch.Tensor:
        encoded = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        return encoded["input_ids"]

    def _settings(self, values: dict[str, Any], room: int, *, cache: str | None = None) -> GenerationConfig:
        own = self._model.generation_config
        ends = own.eos_token_id if own.eos_token_id is not None else self._tokenizer.eos_token_id
        ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
        pad = own.pad_token_id if own.pad_token_id is not None else (ends[0] if ends else 0)
        sampling: dict[str, Any] = {"do_sample": False}
        if values["temperature"] > 0:
            sampling = {
                "do_sample": True,
                "temperature": values["temperature"],
                "top_p": values["top_p"],
                "top_k": values["top_k"],
            }
        return GenerationConfig(
            max_new_tokens=room,
            repetition_penalty=values["repetition_penalty"],
            eos_token_id=ends,
            pad_token_id=pad,
            bos_token_id=own.bos_token_id,
            cache_implementation=cache,
            disable_compile=True,  # it would be done anew for each length
            return_dict_in_generate=True,
            **sampling,
        )


def _kept(cache: Any) -> KvCache | None:
    """What was kept of the text, None for a model that keeps something of its own."""
    if not isinstance(cache, Cache):
        return None
    fixed = isinstance(cache, StaticCache)
    return KvCache(
        type=STATIC if fixed else "dynamic",
        length=cache.get_max_length() if fixed else cache.get_seq_length(),
    )


def _without_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    if messages[0]["role"] != "system":
        return messages
    system, first, *rest = messages
    return [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *rest]
