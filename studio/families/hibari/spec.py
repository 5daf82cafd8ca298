"""English speech by the hibari package, on onnxruntime."""

from __future__ import annotations

from studio.domain.family import FamilySpec, Memory
from studio.domain.parameter import Choice
from studio.domain.speech import parameters

SPEC = FamilySpec(
    name="hibari",
    tasks=("speech",),
    # The one voice inside the package. A model that brings another one names it in its manifest.
    parameters=parameters(
        Choice(name="voice", label="family.hibari.voice", default="heart", choices=("heart",))
    ),
    memory=Memory(base=250 * 2**20, per_weight_byte=3.0),
    phases={"load": 0.3, "speak": 0.69, "save": 0.01},
    libraries=("hibari-tts", "onnxruntime"),
)
