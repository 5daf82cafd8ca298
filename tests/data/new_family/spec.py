"""Dice, unlike the other families: a parameter of its own kind, no model file, two results of two kinds."""

from __future__ import annotations

from typing import Any

from studio.domain.family import FamilySpec, Memory
from studio.domain.licence import Licence
from studio.domain.model import Model
from studio.domain.parameter import Parameter, ParameterError, Seed


class Dice(Parameter, frozen=True, kw_only=True):
    """How many dice, and how many sides they have: `3d8`."""

    default: Any = (2, 6)

    def check(self, value: Any) -> tuple[int, int]:
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(v) is int for v in value):
            raise ParameterError(self, "text", self.default)
        number, sides = value
        if not (1 <= number <= 20 and 2 <= sides <= 100):
            nearest = min(max(number, 1), 20), min(max(sides, 2), 100)
            raise ParameterError(self, "range", nearest, minimum="1d2", maximum="20d100")
        return number, sides

    def parse(self, text: str) -> tuple[int, int]:
        number, _, sides = text.strip().partition("d")
        if not (number.isdecimal() and sides.isdecimal()):
            raise ParameterError(self, "text", self.default)
        return self.check((int(number), int(sides)))

    def format(self, value: Any) -> str:
        return f"{value[0]}d{value[1]}"


SPEC = FamilySpec(
    name="new_family",
    tasks=("image",),
    parameters=(Dice(name="dice", label="family.new_family.dice"), Seed()),
    memory=Memory(base=100 * 2**20),
    phases={"draw": 0.9, "save": 0.1},
    models=(
        Model(
            id="dice",
            family="new_family",
            tasks=("image",),
            title={"en": "Dice", "zh_CN": "骰子"},
            description={"en": "Throws dice.", "zh_CN": "掷骰子。"},
            licence=Licence(
                id="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0", commercial="yes"
            ),
        ),
    ),
)
