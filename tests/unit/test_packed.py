"""Facts in a few rows are the same facts, whatever the names are."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor
from studio.domain.cost.packed import PackedFacts, PackedPart, Row, pack, unpack


def facts(*tensors: Tensor, layout: str = "gguf", **config: object) -> ModelFacts:
    return ModelFacts(layout=layout, parts={"model": PartFacts(config=config, tensors=tensors)})


def there_and_back(given: ModelFacts) -> ModelFacts:
    written = msgspec.json.encode(pack(given))
    return unpack(msgspec.json.decode(written, type=PackedFacts))


def ordered(given: ModelFacts) -> list[Tensor]:
    return sorted(given.parts["model"].tensors, key=msgspec.json.encode)


def rows(*names: str) -> list[str]:
    packed = pack(facts(*(Tensor(name, "F16", (4, 4), 32) for name in names)))
    return [row.names for row in packed.parts["model"].tensors]


def test_layers_share_a_row() -> None:
    assert rows(*(f"blk.{n}.attn_q.weight" for n in range(24))) == ["blk.{0-23}.attn_q.weight"]
    assert rows("a.0.w", "a.1.w", "a.5.w") == ["a.{0-1,5}.w"]


def test_experts_in_layers_share_a_row() -> None:
    assert rows(*(f"l.{i}.e.{j}.w" for i in range(3, 40) for j in range(128))) == ["l.{3-39}.e.{0-127}.w"]


def test_what_differs_has_its_own_row() -> None:
    small, large = Tensor("a.0", "Q4_K", (256,), 144), Tensor("a.1", "Q6_K", (256,), 210)
    assert len(pack(facts(small, large)).parts["model"].tensors) == 2


def test_arrays_of_a_gguf_are_tuples_again() -> None:
    given = facts(**{"a.pattern": (True, False), "a.window": 5})
    assert there_and_back(given).parts["model"].config == given.parts["model"].config


NUMBERED = st.lists(
    st.one_of(
        st.integers(0, 12).map(str), st.sampled_from([".", "w", "{", "}", "{0-3}", "00", "-", ",", "é"])
    ),
    min_size=1,
    max_size=12,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            Tensor,
            NUMBERED,
            st.sampled_from(["F16", "Q4_K"]),
            st.lists(st.integers(0, 9), max_size=3).map(tuple),
            st.integers(0, 99),
        ),
        max_size=40,
    )
)
def test_nothing_is_lost(tensors: list[Tensor]) -> None:
    given = facts(*tensors)
    assert ordered(there_and_back(given)) == ordered(given)


def test_a_lost_tensor_would_be_seen() -> None:
    given = facts(Tensor("a.0", "F16", (1,), 2), Tensor("a.1", "F16", (1,), 2))
    assert ordered(facts(*given.parts["model"].tensors[:1])) != ordered(given)


@pytest.mark.parametrize("names", ["a.{0-99999999}", "{0-999}{0-999}{0-999}", "{0-99999999999}"])
def test_more_than_any_model_has_is_refused_at_once(names: str) -> None:
    row = Row(names, "F16", (1,), 2)
    began = time.monotonic()
    with pytest.raises(ValueError, match="too many"):
        unpack(PackedFacts(layout="", parts={"model": PackedPart(config={}, tensors=(row,))}))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("names", ["a.{-}", "a.{,}", "a.{1,}"])
def test_rows_that_mean_nothing(names: str) -> None:
    row = Row(names, "F16", (1,), 2)
    with pytest.raises(ValueError):  # noqa: PT011 - int() words it
        unpack(PackedFacts(layout="", parts={"model": PackedPart(config={}, tensors=(row,))}))
