"""A llama.cpp server inside this process that nobody else can reach."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import xllamacpp as llama

LONGEST_SOCKET = 100  # bytes; the system's limit is 104 to 108
BATCH = 128  # prompt tokens between two looks at progress
PROMPT_CACHE_MIB = 256
ALL_LAYERS = 999
AUTO, USUAL_CACHE = "auto", "f16"
CACHE_TYPES = {
    USUAL_CACHE: llama.ggml_type.GGML_TYPE_F16,
    "q8_0": llama.ggml_type.GGML_TYPE_Q8_0,
    "q4_0": llama.ggml_type.GGML_TYPE_Q4_0,
}
ATTENTIONS = {
    AUTO: llama.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "flash": llama.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "eager": llama.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}


def has_gpu() -> bool:
    """Whether this build of llama.cpp sees anything but CPUs."""
    kinds = llama.ggml_backend_dev_type
    return any(device["type"] != kinds.GGML_BACKEND_DEVICE_TYPE_CPU for device in llama.get_device_info())


def start(
    path: str,
    *,
    context: int,
    threads: int,
    device: str,
    exposed: Callable[[], None],
    cache: str = USUAL_CACHE,
    attention: str = AUTO,
) -> llama.Server:
    """Load the GGUF file at *path*. Raises RuntimeError when llama.cpp cannot; why, it writes to stderr.

    *cache*: the type of keys and values, of `CACHE_TYPES`. *attention*: of `ATTENTIONS`.

    The library always opens an HTTP port. It gets a Unix socket in a folder of our own that is gone
    before this returns, so nobody can connect. On Windows, where that may not work: the loopback
    address and a random key, and *exposed* is called.
    """
    params = _params(path, context=context, threads=threads, device=device)
    params.cache_type_k = params.cache_type_v = CACHE_TYPES[cache]
    params.flash_attn_type = ATTENTIONS[attention]
    with tempfile.TemporaryDirectory(prefix="s", dir=_short_folder()) as folder:  # made with mode 0700
        params.hostnames = [str(Path(folder) / "x.sock")]
        try:
            return _settled(llama.Server(params))
        except RuntimeError:
            if sys.platform != "win32":
                raise
    params.hostnames = ["127.0.0.1"]
    server = _settled(llama.Server(params))
    exposed()
    return server


def _settled(server: llama.Server) -> llama.Server:
    """*server* once its loop runs: one that is dropped before that waits for the loop's end for ever."""
    server.handle_completions({"prompt": "a", "n_predict": 0, "stream": True}, lambda _chunk: False)
    return server


def _params(path: str, *, context: int, threads: int, device: str) -> llama.CommonParams:
    params = llama.CommonParams()
    params.model.path = path
    params.offline = True
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.api_keys = [secrets.token_hex(32)]
    params.n_threads_http = 1
    params.verbosity = 1  # errors
    params.fit_params = False
    params.n_ctx = context
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = BATCH
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    # The text as the model wrote it: no search for tool calls, which reads all of it again per token.
    params.reasoning_format = llama.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    params.force_pure_content_parser = True
    if device == "cpu":
        params.n_gpu_layers = 0
        params.no_op_offload = params.no_kv_offload = True
    else:
        params.n_gpu_layers = ALL_LAYERS
        params.split_mode = llama.llama_split_mode.LLAMA_SPLIT_MODE_NONE
        params.main_gpu = int(device.partition(":")[2] or 0)
    return params


def _short_folder() -> str | None:
    """Where a socket's path stays short enough; None is the system's temporary folder."""
    usual = Path(tempfile.gettempdir()) / "s12345678" / "x.sock"
    return None if len(bytes(usual)) < LONGEST_SOCKET or sys.platform == "win32" else "/tmp"  # noqa: S108
