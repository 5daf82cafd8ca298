"""What was counted comes back from a record as it was, and what cannot be read is refused."""

from __future__ import annotations

import msgspec
import pytest

from studio.domain.cost.cost import Cost, Part, Stage
from studio.domain.cost.kept import keep, restore
from studio.domain.cost.ops import Attention, Convolution, Linear, Own, Pointwise, Written

COST = Cost(
    parts=(
        Part(name="net", elements=10**9, stored_bytes=2 * 10**9, convolving=5, stored_type="F16"),
        Part(name="reader", elements=3, stored_bytes=6, fixed_bytes=7, load=Own("theirs.load", 2.5)),
    ),
    stages=(
        Stage(
            phase="denoise",
            part="net",
            ops=(
                (Linear(64, 320, 1280), 10),
                (Convolution(4096, 320, 640, 9), 3),
                (Attention(8, 64, 77, 40), 2),
                (Pointwise(1000), 5),
                (Own("theirs.token", 0.5), 1),
            ),
            repeats=20,
            alive=1e6,
            alive_tiled=2.0,
            written=Written(eager=3.0, sliced=1.0),
            batch=2,
            calls=100,
            compiles=True,
        ),
        Stage(phase="decode", part="reader", ops=()),
    ),
)


def test_it_comes_back_as_it_was() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(keep(COST)))
    assert restore(kept) == COST
    assert [type(op) for op, _ in restore(kept).stages[0].ops] == [
        Linear,
        Convolution,
        Attention,
        Pointwise,
        Own,
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"parts": None},
        {"parts": [{"name": "net"}]},
        {"stages": [{"phase": "x"}]},
        {"stages": [keep(COST)["stages"][0] | {"of_a_later_version": 1}]},
        {"stages": [keep(COST)["stages"][0] | {"ops": [["Unheard", [1], 1]]}]},
    ],
)
def test_what_another_version_kept_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=":"):
        restore(keep(COST) | change)
