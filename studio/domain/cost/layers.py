"""Layers of transformers' models that are several operations: activations and norms."""

from __future__ import annotations

from studio.domain.cost.walker import Values, Walker


def activation(w: Walker, x: Values, name: str) -> Values:
    """The activation that transformers calls *name*."""
    if name == "quick_gelu":
        h = w.pointwise(x)
        h = w.pointwise(h)
        return w.pointwise(h)
    if name in {"gelu_new", "gelu_fast", "gelu_python_tanh"}:
        half = w.pointwise(x)
        h = w.pointwise(x)
        for _ in range(5):
            h = w.pointwise(h)
        result = w.pointwise(h)
        del half
        return result
    if name == "relu2":
        h = w.pointwise(x)
        return w.pointwise(h)
    return w.pointwise(x)


def rms_norm(w: Walker, x: Values) -> Values:
    """Written out in single operations, three of them on one number a row."""
    squares = w.pointwise(x)
    mean = w.pointwise(squares, 1, calls=3)
    del squares
    h = w.pointwise(x)
    del mean
    return w.pointwise(h)
