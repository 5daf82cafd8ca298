"""The walker itself: what is alive is what Python still holds."""

from __future__ import annotations

from studio.domain.cost.ops import Attention, Convolution, Linear, Own, Pointwise, macs
from studio.domain.cost.walker import Walker


def test_a_chain_holds_two_at_a_time():
    w = Walker()
    x = w.new(10, 4)
    for _ in range(5):
        x = w.linear(x, 4)
    assert w.walk.alive == 80
    assert w.walk.ops == ((Linear(10, 4, 4), 5),)
    assert (w.walk.calls, macs(w.walk.ops)) == (5, 800)
    assert w.live == 40


def test_what_is_kept_counts_on():
    w = Walker()
    x = w.new(10, 4)
    kept = x
    for _ in range(3):
        x = w.pointwise(x)
    assert w.walk.alive == 120
    del kept, x
    assert w.live == 0


def test_a_view_keeps_all_of_its_memory():
    w = Walker()
    half = w.new(10, 4).view(10, 2)
    assert (half.elements, w.live) == (20, 40)
    del half
    assert w.live == 0


def test_repeated_layers_count_often_and_hold_once():
    w = Walker()
    x = w.new(6, 3)
    with w.times(7):
        x = w.linear(x, 3)
        with w.times(2):
            x = w.pointwise(x, calls=3)
    walk = w.walk
    assert walk.ops == ((Linear(6, 3, 3), 7), (Pointwise(18), 42))
    assert (walk.calls, walk.alive) == (49, 36)


def test_every_operation_names_its_sizes():
    w = Walker()
    x = w.new(2 * 16, 8)
    w.convolution(x, 12, 9, rows=8, groups=2)
    w.attention(x, w.new(2 * 5, 8), batch=2, heads=4)
    w.attention(x, x, batch=2, heads=4, causal=True)
    w.resize(x, 64)
    w.count(Own("unit", 3.0), 2, calls=0)
    assert w.walk.ops == (
        (Convolution(8, 4, 12, 9), 1),
        (Attention(8, 16, 5, 2), 1),
        (Attention(8, 16, 8, 2), 1),
        (Pointwise(512), 1),
        (Own("unit", 3.0), 2),
    )
    assert w.walk.calls == 4
