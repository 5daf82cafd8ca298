from __future__ import annotations

import gc
import weakref

import pytest
from PySide6.QtWidgets import QLabel

from studio.app import language
from studio.app.observable import Property
from studio.domain import quantity


def test_words_follow_the_language(qtbot) -> None:
    label = QLabel()
    qtbot.addWidget(label)
    language.bind_text(label.setText, "app.stop")
    assert label.text() == "Stop"
    language.set_language("zh_CN")
    assert label.text() == "停止"


def test_words_follow_the_values_in_them(qtbot) -> None:
    label, count = QLabel(), Property(2)
    qtbot.addWidget(label)
    language.bind_text(label.setText, "strip.waiting", count=count)
    count.value = 5
    assert label.text() == "5 waiting"
    language.set_language("zh_CN")
    assert label.text() == "等待 5 个"


def test_a_value_may_be_words_itself(qtbot) -> None:
    label = QLabel()
    qtbot.addWidget(label)
    language.bind_text(label.setText, "strip.about", time=lambda: quantity.duration(12))
    language.set_language("zh_CN")
    assert label.text() == "约 12 秒"


def test_no_label_is_kept_for_its_words(qtbot) -> None:
    label = QLabel()
    language.bind_text(label.setText, "app.stop")
    listeners = len(language.current._changed._callbacks)
    gone = weakref.ref(label)
    del label
    gc.collect()
    assert gone() is None
    assert len(language.current._changed._callbacks) == listeners - 1


def test_an_unknown_language_is_refused_and_changes_nothing() -> None:
    with pytest.raises(ValueError, match="xx"):
        language.set_language("xx")
    assert language.current.value == "en"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.2, "1 s"), (12.4, "12 s"), (89, "89 s"), (140, "2 min"), (5 * 3600 + 1800, "5.5 h")],
)
def test_durations(seconds: float, written: str) -> None:
    assert quantity.duration(seconds) == written


@pytest.mark.parametrize(
    ("size", "written"), [(1_400_000_000, "1.4 GB"), (58_000_000, "58 MB"), (3_400, "3 kB"), (0, "0 kB")]
)
def test_sizes(size: float, written: str) -> None:
    assert quantity.size(size) == written


def test_speeds_and_clocks() -> None:
    assert quantity.speed(9_400_000) == "9.4 MB/s"
    assert quantity.speed(40_000) == "40 kB/s"
    assert quantity.clock(65.9) == "1:05"
