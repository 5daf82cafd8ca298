"""Language models as a transformers folder with safetensors weights."""

from __future__ import annotations

from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.writing import PARAMETERS

SPEC = FamilySpec(
    name="transformers_text",
    tasks=("text",),
    parameters=PARAMETERS,
    memory=Memory(base=900 * 2**20, per_weight_byte=2.2),  # 16-bit files are computed in 32 on most CPUs
    phases={"load": 0.2, "prompt": 0.1, "generate": 0.69, "save": 0.01},
    capabilities=frozenset({"stream", "conversation", "completion"}),
    layouts=(Layout(kind="transformers", classes=("*ForCausalLM", "*LMHeadModel")),),
    libraries=("torch", "transformers"),
    precisions={
        "cpu": ({"*": "float32"},),
        "gpu": ({"*": "float32"}, {"*": "float16"}, {"*": "bfloat16"}),
    },
    coarser={"cpu": ({"*": "bfloat16"},)},
    attention=("sdpa", "eager"),
    kv_cache=("dynamic", "static"),
)
