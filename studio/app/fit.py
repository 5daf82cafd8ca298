"""The fit line and the memory box: what is known of a request before it runs, in words and colour."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.app.language import current, on_language
from studio.app.observable import Property, bind, watch
from studio.app.widgets.card import Card
from studio.app.widgets.label import Label
from studio.app.widgets.memory_bar import MemoryBar
from studio.app.widgets.status import FitLine
from studio.domain.plan import Estimate, Fit, Span
from studio.domain.quantity import duration, gigabytes
from studio.domain.text import t

TONES = {Fit.GREEN: "ok", Fit.AMBER: "warning", Fit.RED: "bad", Fit.UNKNOWN: "muted"}


def fit_words(estimate: Estimate | None) -> str:
    """ "Fits  •  about 4 s  •  0.9 of 6.2 GB free"; what is not known is left out."""
    if estimate is None:
        return ""
    parts = [t(f"fit.{estimate.fit}")]
    if estimate.seconds is not None:
        parts.append(time_words(estimate.seconds, most=estimate.most))
    if estimate.memory is not None:
        used, free = gigabytes(estimate.memory.mid), gigabytes(estimate.available_bytes)
        parts.append(t("fit.memory", used=used, free=free))
    return "  •  ".join(parts)


def time_words(seconds: Span, *, most: bool) -> str:
    """ "about 4 s"; of what may end before, "at most about 40 s"."""
    return t("fit.seconds.most" if most else "fit.seconds", time=duration(seconds.mid))


class FitShower:
    """Keeps a `FitLine` true. It lives as long as the line."""

    def __init__(self, line: FitLine, estimate: Property[Estimate | None]) -> None:
        self._line, self._estimate = line, estimate
        line.shower = self  # pyright: ignore[reportAttributeAccessIssue] - the line keeps it alive
        bind(estimate, self._show, owner=line)
        watch(current, self._again, owner=line)  # not for longer than the line lives

    def _show(self, estimate: Estimate | None) -> None:
        tone = TONES[estimate.fit] if estimate else "muted"
        self._line.set(tone, fit_words(estimate))

    def _again(self, _: str) -> None:
        self._show(self._estimate.value)


class MemoryBox(Card):
    """What the memory will be used for, at the foot of the inspector."""

    def __init__(self, estimate: Property[Estimate | None], parent: QWidget | None = None) -> None:
        super().__init__(parent, margin=12, spacing=8)
        self._estimate = estimate
        self._total = Label(role="small")
        self._note = Label(role="small", wrap=True)
        self._bar = MemoryBar()
        top = QHBoxLayout()
        top.addWidget(Label("fit.memory.title", "strong"))
        top.addStretch(1)
        top.addWidget(self._total)
        self.body.addLayout(top)
        self.body.addWidget(self._bar)
        self.body.addWidget(self._note)
        bind(estimate, self._show)
        on_language(self._again)

    def _show(self, estimate: Estimate | None) -> None:
        self.setVisible(estimate is not None and estimate.memory is not None)
        if estimate is None or estimate.memory is None:
            return
        span = estimate.memory
        low, mid, high = map(gigabytes, (span.low, span.mid, span.high))
        words = t("fit.memory.span", mid=mid, low=low, high=high)
        self._total.setText(t("fit.memory.sure", mid=mid) if low == high else words)
        parts = [(t(f"fit.part.{name}"), float(size)) for name, size in estimate.parts.items()]
        self._bar.set_parts(parts, float(estimate.available_bytes))
        self._note.setText(t("fit.measured" if estimate.measured else "fit.estimated"))

    def _again(self) -> None:
        self._show(self._estimate.value)
