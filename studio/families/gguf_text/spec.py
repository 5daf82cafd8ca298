"""Language models as one GGUF file, on llama.cpp."""

from __future__ import annotations

from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Integer
from studio.domain.writing import PARAMETERS

# What llama.cpp calls the ones that write; others (clip, bert, flux, wan...) are parts or paint.
ARCHITECTURES = (
    *(
        "afmoe",
        "apertus",
        "arcee",
        "arctic",
        "baichuan",
        "bailing*",
        "bitnet",
        "bloom",
        "chameleon",
        "chatglm",
    ),
    *(
        "codeshell",
        "cogvlm",
        "cohere*",
        "command-r",
        "dbrx",
        "deci",
        "deepseek*",
        "dots1",
        "ernie*",
        "exaone*",
    ),
    *("falcon*", "gemma*", "glm*", "gpt-oss", "gpt2", "gptj", "gptneox", "granite*", "grok", "grovemoe"),
    *("hunyuan*", "internlm*", "jais*", "jamba", "kimi*", "lfm2*", "llada*", "llama*", "mamba*", "maincoder"),
    *("mimo*", "minicpm*", "minimax*", "mistral*", "mpt", "nemotron*", "olmo*", "openelm", "orion", "pangu*"),
    *("phi*", "plamo*", "plm", "qwen*", "refact", "rnd1", "rwkv*", "seed_oss", "smallthinker", "smollm3"),
    *("stablelm", "starcoder*", "step*", "xverse"),
)

SPEC = FamilySpec(
    name="gguf_text",
    tasks=("text",),
    parameters=(
        *PARAMETERS,
        Integer(
            name="context_length",
            default=8192,
            minimum=512,
            maximum=131_072,
            step=512,
            presets=(4096, 8192, 16_384, 32_768),
            advanced=True,
        ),
    ),
    memory=Memory(base=220 * 2**20, per_weight_byte=1.1),  # measured: 738 MB for a file of 491 MB
    phases={"load": 0.1, "prompt": 0.2, "generate": 0.69, "save": 0.01},
    capabilities=frozenset({"stream", "conversation", "completion"}),
    layouts=(Layout(kind="gguf", classes=ARCHITECTURES),),
    libraries=("xllamacpp",),  # of what is not in the file
    attention=("flash", "eager"),
    kv_cache=("f16", "q8_0", "q4_0"),
)
