"""Draws every widget into one picture, to look at: `python tests/app/showcase.py out.png [dark] [zh_CN]`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QRadialGradient
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from studio.app import language, theme
from studio.app.form import Form, SimpleMore
from studio.app.form_model import FormModel
from studio.app.panel import Panel, PanelSpec
from studio.app.strip_model import MemoryUse, RunningJob, StripModel, WaitingJob
from studio.app.widgets.banner import Banner
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import Card, CardHeader, IconTile, Separator
from studio.app.widgets.chips import Chip, ChipGroup, Tag
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.image_view import ImageView
from studio.app.widgets.inspector import Inspector
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.memory_bar import MemoryBar
from studio.app.widgets.meter import Meter
from studio.app.widgets.model_picker import ModelItem, ModelPicker
from studio.app.widgets.prompt_box import PromptBox
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.status import StatusLine
from studio.app.widgets.switch import Switch
from studio.app.widgets.text_area import SearchField
from studio.app.widgets.thumbnail_strip import Thumbnail, ThumbnailStrip
from studio.app.widgets.waveform import Waveform, peaks
from studio.app.window import StudioWindow
from studio.domain.failure import Failure
from studio.domain.parameter import Choice, Integer, Number, Seed, Size, Text, Toggle

PARAMETERS = (
    Size(default=(512, 512)),
    Integer(name="count", default=4, minimum=1, maximum=16, presets=(1, 4, 8, 16)),
    Integer(name="steps", default=25, minimum=1, maximum=100),
    Number(name="guidance", default=4.0, minimum=1.0, maximum=20.0, step=0.5),
    Seed(),
    Text(name="negative", multiline=True),
    Choice(name="scheduler", default="DDIM", choices=("DDIM", "Euler", "DPM++ 2M"), advanced=True),
    Toggle(name="tiling", default=True, advanced=True),
    Integer(name="max_tokens", default=512, minimum=1, maximum=32768, advanced=True),
)
MEMORY = (("UNet", 0.4e9), ("Text encoder", 0.2e9), ("VAE", 0.1e9), ("Activations", 0.2e9))


def moon(side: int = 64) -> QImage:
    """A picture with transparent corners."""
    image = QImage(side, side, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    shade = QRadialGradient(QPointF(side * 0.4, side * 0.35), side * 0.6)
    shade.setColorAt(0, QColor("#7fb4d0"))
    shade.setColorAt(1, QColor("#24506b"))
    painter.setBrush(shade)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(2, 2, side - 4, side - 4)
    painter.end()
    return image


class DrawPanel(Panel):
    """As the mock-up of Draw."""

    def __init__(self) -> None:
        super().__init__()
        picker = ModelPicker()
        picker.set_models(
            [
                ModelItem("icons", "Starter Icons 64", "installed  •  58 MB"),
                ModelItem("b", "SD-Turbo", "2.6 GB"),
            ]
        )
        picker.set_value("icons")
        modes = ChipGroup([("text", "From text"), ("image", "From image"), ("inpaint", "Inpaint")])
        modes.set_value("text")
        top = QHBoxLayout()
        top.addWidget(picker)
        top.addStretch(1)
        top.addWidget(modes)
        view = ImageView()
        view.set_image(moon())
        view.set_caption("seed 814 220  •  25 steps  •  3.9 s")
        view.corner.addWidget(IconButton("copy", "app.copy_image"))
        view.corner.addWidget(Button("Send to…", "send"))
        strip = ThumbnailStrip()
        strip.set_items([Thumbnail(str(i), f"Picture {i}", moon() if i else None) for i in range(7)])
        strip.set_current("1")
        box = PromptBox("parameter.prompt.help", weights=True)
        box.set_text("red apple, flat style, on white")
        box.tools.addWidget(Chip("Expand", "expand"))
        box.tools.addWidget(Chip("Styles"))
        box.set_count("7 of 24 tokens")
        box.fit.set("ok", "Fits  •  about 4 s  •  0.9 GB of 6.2 GB free")
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 11)
        column.setSpacing(14)
        column.addLayout(top)
        column.addWidget(view, 1)
        column.addWidget(strip)
        column.addWidget(box)
        model = FormModel(PARAMETERS, {"seed": 814220})
        model.expanded.value = True
        self.inspector = Inspector()
        self.inspector.head.addWidget(SimpleMore(model))
        self.inspector.body.addWidget(Form(model))
        self.inspector.body.addStretch(1)
        card = Card(margin=12, spacing=8)
        card.setProperty("flat", True)
        head = QHBoxLayout()
        head.addWidget(Label("Memory it will use", "strong"))
        head.addStretch(1)
        head.addWidget(Label("0.9 GB", "muted"))
        bar = MemoryBar()
        bar.set_parts(MEMORY, 1.3e9)
        card.body.addLayout(head)
        card.body.addWidget(bar)
        self.inspector.foot.addWidget(card)


class PartsPanel(Panel):
    """Everything that the drawing panel does not show."""

    def __init__(self) -> None:
        super().__init__()
        scroll = ScrollColumn(margins=(22, 22, 22, 22), spacing=14)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        scroll.body.addWidget(Label("Good morning. What shall we make?", "heading"))
        scroll.body.addWidget(Label("All of it happens on this computer.", "muted"))
        failed = Banner()
        failed.show_failure(Failure(code="oom.gpu", details="x"), "app.retry", lambda: None)
        note = Banner()
        note.show_notice(
            "warning", "Eight of the faces look alike.", "Choose another seed & try <b>again</b>."
        )
        good = Banner()
        good.show_notice("ok", "The pack is here.", button_key="app.generate", action=lambda: None)
        for banner in (failed, note, good):
            scroll.body.addWidget(banner)
        buttons = QHBoxLayout()
        for kind in ("primary", "secondary", "quiet", "danger"):
            buttons.addWidget(Button(kind.title(), "play", kind))
        off = Button("Disabled", "download", "primary")
        off.setEnabled(False)
        buttons.addWidget(off)
        focused = Button("Focus", "", "primary")
        focused.ring = True
        buttons.addWidget(focused)
        lock = IconButton("lock", "app.seed.lock")
        lock.setCheckable(True)
        lock.setChecked(True)
        for each in (IconButton("pause", "app.stop"), lock, IconButton("close", "app.dismiss", framed=False)):
            buttons.addWidget(each)
        buttons.addWidget(SearchField("key.search"), 1)
        scroll.body.addLayout(buttons)
        scroll.body.addLayout(self._row())
        scroll.body.addLayout(self._cards())
        wave = Waveform()
        wave.set_peaks(peaks([math.sin(i / 9) * math.sin(i / 300) for i in range(3000)]), 12.0)
        wave.set_position(4.2)
        wave.setMinimumHeight(90)
        scroll.body.addWidget(wave)
        scroll.body.addStretch(1)

    def _row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        tags = QWidget()
        flow = FlowLayout(tags)
        for text, icon in (("chat  •  zh en", ""), ("0.5 GB", ""), ("Apache-2.0", "licence")):
            flow.addWidget(Tag(text, icon))
        row.addWidget(tags, 1)
        segments = SegmentedButtons([("en", "English"), ("zh", "简体中文"), ("", "System")])
        segments.set_value("zh")
        row.addWidget(segments)
        combo = ComboBox([("cpu", "CPU"), ("cuda", "GPU 0")])
        combo.setAccessibleName("Device")
        row.addWidget(combo)
        on, off = Switch("Offline"), Switch("Keep awake")
        on.set_value(True)
        row.addWidget(on)
        row.addWidget(off)
        return row

    def _cards(self) -> QHBoxLayout:
        row = QHBoxLayout()
        card = Card(margin=1, spacing=0)
        head = CardHeader()
        line = QHBoxLayout()
        line.addWidget(IconTile("write"))
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(Label("Starter Chat 0.5B", "title"))
        names.addWidget(Label("Qwen2.5-Coder 0.5B Instruct", "small"))
        line.addLayout(names)
        line.addStretch(1)
        head.body.addLayout(line)
        card.body.addWidget(head)
        inner = QVBoxLayout()
        inner.setContentsMargins(16, 14, 16, 14)
        for tone, text in (
            ("ok", "Fits  •  27 tokens a second"),
            ("warning", "Fits with int8"),
            ("bad", "No"),
        ):
            status = StatusLine()
            status.set(tone, text)
            inner.addWidget(status)
        inner.addWidget(Separator())
        meter = Meter()
        meter.set_value(0.6)
        inner.addWidget(meter)
        inner.addWidget(
            ElidedLabel("A very long file name which does not fit into its place, 00001-814220", "muted")
        )
        card.body.addLayout(inner, 1)
        row.addWidget(card, 1)
        empty = Card()
        empty.body.addWidget(
            EmptyState("gallery", "Nothing here yet", "What you make appears here.", "app.generate")
        )
        row.addWidget(empty, 1)
        return row


def window(panel: str = "draw") -> StudioWindow:
    """A window with both panels and a busy strip."""
    strip = StripModel()
    strip.running.value = RunningJob("1", "red apple, flat style", "draw", "phase.denoise", 14, 25, 0.58, 6.0)
    strip.waiting.value = (WaitingJob("2", "Opening line", "speak"), WaitingJob("3", "Teapot copy", "write"))
    strip.waiting_seconds.value = 40.0
    strip.memory.value = MemoryUse(17.8e9, 24e9)
    strip.offline.value = True
    specs = [
        PanelSpec("home", "home", "Home", Panel),
        PanelSpec("write", "write", "Write", Panel),
        PanelSpec("draw", "draw", "Draw", DrawPanel),
        PanelSpec("speak", "speak", "Speak", Panel),
        PanelSpec("gallery", "gallery", "Gallery", Panel, "bottom"),
        PanelSpec("models", "models", "Models", PartsPanel, "bottom"),
        PanelSpec("computer", "computer", "Computer", Panel, "bottom"),
        PanelSpec("settings", "settings", "Settings", Panel, "bottom"),
    ]
    made = StudioWindow(specs, strip)
    made.go(panel)
    return made


def main() -> None:
    target = Path(sys.argv[1])
    app = QApplication([sys.argv[0], *theme.STYLE])
    language.set_language("zh_CN" if "zh_CN" in sys.argv else "en")
    theme.install(app, "dark" if "dark" in sys.argv else "light")
    made = window("models" if "parts" in sys.argv else "draw")
    made.show()
    app.processEvents()
    made.grab().save(str(target))


if __name__ == "__main__":
    main()
