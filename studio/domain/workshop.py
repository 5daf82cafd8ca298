"""What the workshop does with a model, as data: each method is described as a family describes itself.

So its form, its options on the command line, its phases and its remaining time need nothing of their own.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from studio.domain.family import FamilySpec, Memory
from studio.domain.parameter import Choice, Integer, Number, Parameter, Seed, Text, Toggle
from studio.domain.request import Request

TASK = "workshop"
"""The task of a request whose `family` is a method and whose result is a model."""

WHOLE = "all"
MODEL, FILES = "application/x-studio-model", "application/x-studio-files"
"""Media types of what a method makes: a model that the studio can use, or files for other programs."""

TORCHAO = ("int8", "int8_dynamic", "float8")
GGUF = ("Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")
NF4 = "nf4"
SCHEMES = (*TORCHAO, *GGUF, NF4)

CHANNELS, HEADS, LAYERS = "channels", "heads", "layers"
STRUCTURED = (CHANNELS, HEADS, LAYERS)
MAGNITUDE, N_OF_M = "magnitude", "two_of_four"
PRUNINGS = (*STRUCTURED, MAGNITUDE, N_OF_M)

TYPES = ("bfloat16", "float16", "float32")
TARGETS = (
    *TYPES,
    "gguf",
    "diffusers",
    "single_file",
    "onnx",
    "torch_export",
    "merge_lora",
    "component",
)


class Trial(Struct, frozen=True, kw_only=True):
    """What is made with a model before and after, to compare: `values` are complete for its family.

    `parameters`: how the model narrows its family's (`Model`), which goes on with what is made of it.
    """

    task: str
    family: str
    values: dict[str, Any]
    parameters: dict[str, dict[str, Any] | None] = {}


def _choice(name: str, choices: tuple[str, ...], **fields: Any) -> Choice:
    return Choice(name=name, label=f"workshop.{name}", choices=choices, **fields)


_NAME = Text(name="name", label="workshop.name", maximum=60)
_REPORT = Toggle(name="report", label="workshop.report", default=True)
_TRIAL = Parameter(name="trial", label="workshop.trial", hidden=True)
_COMMON: tuple[Parameter, ...] = (_NAME, _REPORT, _TRIAL)
_BASE = 900 * 2**20  # torch and the libraries that read models
_COMPARING = {"before": 0.25, "after": 0.25}

METHODS: dict[str, FamilySpec] = {
    spec.name: spec
    for spec in (
        FamilySpec(
            name="quantize",
            tasks=(TASK,),
            parameters=(
                _choice("scheme", SCHEMES, default="int8"),
                _choice("part", (WHOLE,), default=WHOLE),
                *_COMMON,
            ),
            memory=Memory(base=_BASE, per_weight_byte=2.2),
            phases={"load": 0.1, "quantize": 0.3, "write": 0.1, **_COMPARING},
            libraries=("torch", "torchao", "diffusers", "transformers", "gguf"),
        ),
        FamilySpec(
            name="prune",
            tasks=(TASK,),
            parameters=(
                _choice("pruning", PRUNINGS, default=CHANNELS),
                Number(
                    name="amount",
                    label="workshop.amount",
                    default=0.25,
                    minimum=0.05,
                    maximum=0.9,
                    step=0.05,
                ),
                Integer(
                    name="recovery",
                    label="workshop.recovery",
                    default=60,
                    minimum=0,
                    maximum=20_000,
                    presets=(0, 60, 500),
                ),
                Text(name="data", label="workshop.data", advanced=True),
                Seed(default=1, advanced=True),
                *_COMMON,
            ),
            memory=Memory(base=_BASE, per_weight_byte=6.0),
            phases={
                "load": 0.05,
                "prune": 0.1,
                "lessons": 0.2,
                "train": 0.3,
                "write": 0.05,
                "before": 0.15,
                "after": 0.15,
            },
            libraries=("torch", "torch-pruning", "diffusers", "transformers"),
        ),
        FamilySpec(
            name="distil",
            tasks=(TASK,),
            parameters=(
                Number(
                    name="minutes",
                    label="workshop.minutes",
                    default=10.0,
                    minimum=0.05,
                    maximum=10_000.0,
                    step=1.0,
                ),
                Number(name="share", label="workshop.share", default=0.5, minimum=0.1, maximum=1.0, step=0.1),
                Toggle(name="control", label="workshop.control", default=True),
                Text(name="data", label="workshop.data", advanced=True),
                Seed(default=1, advanced=True),
                *_COMMON,
            ),
            memory=Memory(base=_BASE, per_weight_byte=8.0),
            phases={
                "load": 0.03,
                "lessons": 0.1,
                "train": 0.5,
                "control": 0.25,
                "write": 0.02,
                "before": 0.05,
                "after": 0.05,
            },
            libraries=("torch", "peft", "diffusers", "transformers"),
        ),
        FamilySpec(
            name="convert",
            tasks=(TASK,),
            parameters=(
                _choice("target", TARGETS, default="bfloat16"),
                _choice("part", (WHOLE,), default=WHOLE),
                Text(name="lora", label="workshop.lora"),
                Number(
                    name="strength",
                    label="workshop.strength",
                    default=1.0,
                    minimum=-2.0,
                    maximum=2.0,
                    step=0.1,
                    advanced=True,
                ),
                *_COMMON,
            ),
            memory=Memory(base=_BASE, per_weight_byte=2.2),
            phases={"load": 0.1, "convert": 0.3, "write": 0.1, **_COMPARING},
            libraries=("torch", "diffusers", "transformers", "gguf", "peft"),
        ),
    )
}


def method(request: Request) -> FamilySpec | None:
    """The method that *request* asks for, None where it asks a family for something."""
    return METHODS.get(request.family) if request.task == TASK else None
