from __future__ import annotations

import logging

import pytest

from studio.services.event import Event


def test_callbacks_hear_in_order_until_they_disconnect() -> None:
    event: Event[int] = Event()
    heard: list[tuple[str, int]] = []
    first = event.connect(lambda n: heard.append(("first", n)))
    event.connect(lambda n: heard.append(("second", n)))
    event.emit(1)
    first()
    first()
    event.emit(2)
    assert heard == [("first", 1), ("second", 1), ("second", 2)]


def test_the_same_callback_connected_twice_hears_twice() -> None:
    event: Event[int] = Event()
    heard: list[int] = []
    event.connect(heard.append)
    disconnect = event.connect(heard.append)
    event.emit(1)
    disconnect()
    event.emit(2)
    assert heard == [1, 1, 2]


def test_a_callback_that_disconnects_a_later_one_is_obeyed() -> None:
    event: Event[None] = Event()
    heard: list[str] = []
    event.connect(lambda _: later())
    later = event.connect(lambda _: heard.append("later"))
    event.emit(None)
    assert heard == []


def test_a_broken_callback_is_logged_and_the_others_hear(caplog: pytest.LogCaptureFixture) -> None:
    event: Event[int] = Event()
    heard: list[int] = []

    def broken(_: int) -> None:
        raise ValueError("broken panel")

    event.connect(broken)
    event.connect(heard.append)
    with caplog.at_level(logging.ERROR):
        event.emit(3)
    assert heard == [3]
    assert "broken panel" in caplog.text
    caplog.clear()
