"""State that can be watched: `Property`, `Computed`, and `bind` to anything that has a setter.

The core knows no widget, so that view-models are tested without a window. Nothing here keeps a
widget alive: a listener lives on its owner and ends with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from shiboken6 import isValid

from studio.services.event import Event

T = TypeVar("T")


class Observable(Generic[T]):
    """A value that tells its listeners when it becomes a different one (by `==`)."""

    def __init__(self, value: T) -> None:
        self._value: T = value
        self._changed: Event[T] = Event()

    @property
    def value(self) -> T:
        return self._value

    def connect(self, listener: Callable[[T], object]) -> Callable[[], None]:
        """Call *listener* with every later value; returns its end, as an event does.

        A widget uses `bind` or `watch`.
        """
        return self._changed.connect(listener)

    def _assign(self, value: T) -> None:
        if type(value) is type(self._value) and value == self._value:
            return
        self._value = value
        self._changed.emit(value)


class Property(Observable[T]):
    """An observable that is set by assigning to `value`."""

    @property
    def value(self) -> T:
        return self._value

    @value.setter
    def value(self, value: T) -> None:
        self._assign(value)


class Computed(Observable[T]):
    """An observable worked out from others whenever one of them changes. It lives as long as they do."""

    def __init__(self, compute: Callable[..., T], *sources: Observable[Any]) -> None:
        def work_out() -> T:
            return compute(*(source.value for source in sources))

        super().__init__(work_out())
        for source in sources:
            source.connect(lambda _: self._assign(work_out()))


class Signal(Protocol):
    """The part of a Qt signal that `bind` needs."""

    def connect(self, slot: Callable[..., object], /) -> object: ...


def watch(
    source: Observable[T] | Event[T], listener: Callable[[T], object], owner: object = None
) -> Callable[[], None]:
    """Call *listener* with later values while *owner* lives (default: the object whose method it is).

    The owner holds the listener, the source only a weak reference to it: a closure over a widget
    does not keep the widget, and a deleted widget is not called. Raises TypeError for a plain
    function without an owner.
    """
    holder: Any = getattr(listener, "__self__", None) if owner is None else owner
    if holder is None:
        raise TypeError("a plain function needs owner=, the object that its life is tied to")
    holder.__dict__.setdefault("_watching", []).append(listener)
    held = weakref.ref(holder)

    def forward(value: T) -> None:
        call, target = listening(), held()
        if call is None or target is None or not isValid(target):
            disconnect()
        else:
            call(value)

    disconnect = source.connect(forward)
    listening = weakref.ref(listener, lambda _: disconnect())
    return disconnect


def bind(
    source: Observable[T],
    setter: Callable[[T], object],
    signal: Signal | None = None,
    getter: Callable[[], T] | None = None,
    owner: object = None,
) -> Callable[[], None]:
    """Set now and on every change; with *signal*, also back from the widget into a `Property`.

    *signal* carries the new value, or *getter* reads it. A value that the widget reports is not
    written back into it (a text cursor stays where it is) unless the property made another of it.

        bind(model.title, label.setText)
        bind(model.prompt, box.set_text, box.text_changed)
    """
    reporting: list[T] = []

    def show(value: T) -> None:
        if not reporting or reporting[-1] != value:
            setter(value)

    holder: Any = getattr(setter, "__self__", None) if owner is None else owner
    setter(source.value)
    disconnect = watch(source, show, holder)
    if signal is not None:
        if not isinstance(source, Property):
            raise TypeError("only a Property can be set from a widget")
        target: Property[T] = source

        def report(*values: Any) -> None:
            value: T = values[0] if getter is None else getter()
            reporting.append(value)
            try:
                target.value = value
            finally:
                reporting.pop()

        signal.connect(report)
    return disconnect
