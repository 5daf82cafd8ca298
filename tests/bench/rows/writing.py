"""Tokens per second of a GGUF model, against calling llama.cpp's binding directly.

Both from asking for a text to its end, with the model loaded; the direct call has the same settings,
counts the pieces as they come and does nothing with them.
"""

from __future__ import annotations

from tests.bench import direct, engine, models, pairs
from tests.bench.table import Row, judge

BAR = 0.97
PROMPT = "Tell a very long story about a lighthouse."
SETTINGS = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.0}
CONTEXT = 2048

_DIRECT = """
import xllamacpp as llama
params = llama.CommonParams()
params.model.path = options["path"]
params.n_ctx, params.n_parallel = options["context"], 1
params.n_batch = params.n_ubatch = 128
params.n_gpu_layers = 0
params.warmup, params.fit_params, params.verbosity = False, False, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options["threads"]
params.reasoning_format = llama.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
params.force_pure_content_parser = True
params.hostnames = ["127.0.0.1"]
server = llama.Server(params)
def once(body):
    count, generated = 0, []
    def receive(chunk):
        if "timings" in chunk:
            generated.append(chunk["timings"]["predicted_n"])
        return False
    began = time.perf_counter()
    server.handle_chat_completions(body, receive)
    return generated[-1] / (time.perf_counter() - began)
"""


def measure(short: bool) -> list[Row]:
    path, longest = models.text(), 96 if short else 192
    body = {
        "stream": True,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": longest,
        "temperature": SETTINGS["temperature"],
        "top_p": SETTINGS["top_p"],
        "top_k": SETTINGS["top_k"],
        "min_p": 0.0,
        "repeat_penalty": SETTINGS["repetition_penalty"],
        "seed": 1,
        "cache_prompt": True,
    }
    options = {"path": str(path), "context": CONTEXT, "threads": engine.THREADS}
    with engine.running() as ours, direct.running(_DIRECT, **options) as bare:

        def write() -> float:
            values = {**SETTINGS, "prompt": PROMPT, "max_tokens": longest, "context_length": CONTEXT}
            seconds, done = engine.run(ours, path, **values)
            assert done.outcome.tokens is not None
            return done.outcome.tokens.generated / seconds

        write(), bare.once(**body)
        took = pairs.measure(lambda: bare.once(**body), write, pairs=3 if short else pairs.PAIRS)
    speed = sorted(took.ours)[len(took.ours) // 2]
    return [
        Row(
            "GGUF tokens per second : called directly",
            f"≥ {BAR}",
            f"{took.ratio:.3f} ({speed:.0f} /s)",
            took.spread,
            judge(took.ratio, BAR, short=short, noisy=took.noisy, least=True),
        )
    ]
