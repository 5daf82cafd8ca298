"""Chat and completion on llama.cpp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.domain.failure import StudioError
from studio.domain.gguf import GgufError, TensorInfo, read_header
from studio.domain.plan import KvCache
from studio.domain.writing import beginning, turns
from studio.families.gguf_text import server
from studio.families.gguf_text.reply import Chunk, Reply
from studio.families.gguf_text.template import ends

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

EAGER = "eager"
RANDOM_SEED = 2**32 - 1  # what llama.cpp takes for "a new one each time"


class Pipeline:
    """One GGUF file. Its weights are loaded by the first job, which says how long a context it needs."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        self._model = model
        self._name = model.title or model.id
        header, tensors = _header(model)
        architecture = header.get("general.architecture", "")
        key, value = (header.get(f"{architecture}.attention.{kind}_length") for kind in ("key", "value"))
        self._even = key == value  # heads of one width, without which the kernel cannot be had
        self._longest = int(header.get(f"{architecture}.context_length", 0)) or None
        template = header.get("tokenizer.chat_template")
        self._has_template = bool(template)
        if isinstance(template, str) and not ends(template, context.check_cancelled):
            details = "its chat template does not come to an end"
            raise StudioError("model.unrecognized", name=self._name, details=details)
        self._server: Any = None
        self._types, self._bytes = _most(tensors), sum(tensor.bytes for tensor in tensors)
        self._kept = KvCache(type=server.USUAL_CACHE)
        self._attention = server.AUTO
        self._reply: Reply | None = None
        if context.device != "cpu" and not server.has_gpu():
            context.notice("family.gguf_text.on_cpu")

    def run(self, context: Context, request: Request) -> None:
        values = request.values
        self._load(context, min(values["context_length"], self._longest or values["context_length"]))
        context.loaded(
            {},
            precision={"model": self._types},
            weight_bytes={"model": self._bytes},
            memory_format="contiguous",
            attention=self._attention,
            kv_cache=self._kept,
        )
        messages = turns(values, chat=self._has_template, name=self._name)
        asked = body(values)
        if messages is None:
            handle, asked = self._server.handle_completions, asked | {"prompt": beginning(values)}
        else:
            handle, asked = self._server.handle_chat_completions, asked | {"messages": messages}
        context.phase("prompt")
        self._reply = Reply(handle, asked)
        try:
            text = self._write(context, self._reply)
        finally:
            self._reply.stop()
        context.phase("save")
        context.save_text(text)

    def close(self) -> None:
        if self._reply is not None:
            self._reply.stop()
            self._reply.join()
        self._reply = self._server = None

    def _load(self, context: Context, context_length: int) -> None:
        plan, usual = context.plan, server.USUAL_CACHE
        asked = plan.kv_cache or KvCache(type=usual)
        kept = KvCache(type=asked.type, length=asked.length or context_length)
        if self._server is not None and kept == self._kept:
            return
        # A short cache needs the flash kernel; else llama.cpp takes it where device and model allow it.
        attention = "flash" if kept.type != usual else server.AUTO
        if plan.attention == EAGER:
            attention = EAGER
        context.phase("load")
        self.close()
        try:
            self._server = server.start(
                self._model.path,
                context=kept.length,
                threads=context.threads,
                device=context.device,
                exposed=lambda: context.notice("family.gguf_text.exposed"),
                cache=kept.type,
                attention=attention,
            )
        except RuntimeError as error:
            raise StudioError("model.unrecognized", name=self._name, details=str(error)) from error
        self._kept, self._attention = kept, attention
        if attention == server.AUTO and context.device == "cpu" and self._even:
            self._attention = "flash"  # on the processor there is always one

    def _write(self, context: Context, reply: Reply) -> str:
        """Pass the text on as it comes. Returns all of it."""
        parts: list[str] = []
        last: Chunk = {}
        for chunks in reply:
            context.check_cancelled()
            fresh = []
            for chunk in chunks:
                if "error" in chunk:
                    raise _failure(chunk["error"])
                if progress := chunk.get("prompt_progress"):
                    context.progress(progress["processed"] / max(1, progress["total"]))
                fresh.append(_text(chunk))
                last = chunk
            if delta := "".join(fresh):
                if not parts:
                    context.phase("generate")
                parts.append(delta)
                context.text(delta)
        self._account(context, last)
        return "".join(parts)

    def _account(self, context: Context, last: Chunk) -> None:
        if "timings" not in last:
            raise RuntimeError(f"llama.cpp ended without a result: {last}")
        timings = last["timings"]
        context.tokens(
            prompt=timings["cache_n"] + timings["prompt_n"],
            generated=timings["predicted_n"],
            per_second=timings["predicted_per_second"],
            context=self._kept.length,
        )
        context.finish("limit" if last["choices"][0]["finish_reason"] == "length" else "stop")


def _header(model: ModelSource) -> tuple[dict[str, Any], tuple[TensorInfo, ...]]:
    try:
        with Path(model.path).open("rb") as file:
            metadata, tensors = read_header(file)
            return dict(metadata), tensors
    except GgufError as error:
        raise StudioError("model.unrecognized", name=model.title or model.id, details=str(error)) from error


def _most(tensors: Iterable[TensorInfo]) -> str:
    """The type of most of the bytes."""
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.type] += tensor.bytes
    return max(sizes, key=sizes.__getitem__, default="")


def body(values: dict[str, Any]) -> dict[str, Any]:
    """A request to llama.cpp with the values of ours; the text to go on from is still to be added."""
    return {
        "stream": True,
        "return_progress": True,
        "cache_prompt": True,
        "max_tokens": values["max_tokens"],
        "temperature": values["temperature"],
        "top_p": values["top_p"],
        "top_k": values["top_k"],
        "min_p": 0.0,
        "repeat_penalty": values["repetition_penalty"],
        "seed": values["seed"] % RANDOM_SEED,
    }


def _text(chunk: Chunk) -> str:
    if not chunk["choices"]:
        return ""
    choice = chunk["choices"][0]
    return choice.get("text") or choice.get("delta", {}).get("content") or ""


def _failure(error: dict[str, Any]) -> Exception:
    if error.get("type") == "exceed_context_size_error":
        return StudioError(
            "param.invalid",
            name="parameter.context_length",
            reason="family.gguf_text.too_long",
            details=error.get("message", ""),
        )
    return RuntimeError(f"llama.cpp: {error.get('message', error)}")
