"""How busy the computer is: a tile for each figure that moves, with its last minute."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import fonts
from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panels.computer.viewmodel import HISTORY, ComputerModel
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card
from studio.app.widgets.card_grid import CardGrid
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.status import StatusLine
from studio.domain.quantity import gigabytes, size, speed
from studio.domain.text import t
from studio.services.machine.meter import Figures, GpuLoad

CHART_HEIGHT = 64
DISK_LEAST = 20e6  # bytes a second that a chart of disks shows at least: an idle disk's is a flat line
ENGINE_LEAST = 1e9


class Tile(Card):
    """A name, the figure of now, what it is part of, and the last minute. *tones* of the chart's lines."""

    def __init__(self, tones: Sequence[str] = ("accent",)) -> None:
        super().__init__(margin=16, spacing=2)
        self._tones = tones
        self._name = ElidedLabel(role="muted")
        self._figure = Label(role="heading")
        # With a second line the note is about that one, and has its colour.
        self._note = StatusLine(pixels=fonts.SMALL) if len(tones) > 1 else ElidedLabel(role="small")
        self._chart: QWidget | None = None
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 6, 0, 0)
        self._place.addSpacing(CHART_HEIGHT)
        for part in (self._name, self._figure, self._note):
            self.body.addWidget(part)
        self.body.addLayout(self._place)

    def set_name(self, name: str) -> None:
        self._name.setText(name)

    def draw(self) -> None:
        """pyqtgraph is there now."""
        from studio.app.panels.computer.chart import Chart

        if self._chart is None:
            self._place.takeAt(0)
            self._chart = Chart(self._tones, HISTORY)
            self._place.addWidget(self._chart)

    def show_now(self, figure: str, note: str) -> None:
        self._figure.setText(figure)
        if isinstance(self._note, StatusLine):
            self._note.set(self._tones[1], note)
        else:
            self._note.setText(note)
        self.setAccessibleName(" ".join(filter(None, (self._name.text(), figure, note))))

    def show_lines(self, lines: Sequence[Sequence[float]], most: float) -> None:
        if self._chart is not None:
            self._chart.set_lines(lines, most)  # pyright: ignore[reportAttributeAccessIssue] - see `draw`


class Live(QWidget):
    """Tiles of the processor, the memory, the engine and the disks, and one for each graphics card."""

    def __init__(self, model: ComputerModel) -> None:
        super().__init__()
        self._model = model
        self.tiles = {key: Tile() for key in ("cpu", "ram", "engine", "disk")}
        self.free = Button("computer.free_memory", "memory")
        self._grid = CardGrid(least=200, most=4, spacing=12)
        self._cards = QVBoxLayout()
        self._lay_out()
        self.free.clicked.connect(self._free_memory)
        bind(model.charts, self._draw)
        watch(model.history, self._show)
        on_language(self._retranslate)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(Label("computer.now", "title"))
        top.addStretch(1)
        top.addWidget(self.free)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._grid)
        column.addLayout(self._cards)
        self._grid.set_cards(list(self.tiles.values()))

    def _draw(self, ready: bool) -> None:
        if ready:
            for tile in self.tiles.values():
                tile.draw()

    def _retranslate(self) -> None:
        for key in ("cpu", "ram", "engine", "disk"):
            self.tiles[key].set_name(t(f"computer.{key}"))
        self._show(self._model.history.value)

    def _show(self, history: tuple[Figures, ...]) -> None:
        if not history:
            return
        now = history[-1]
        self.tiles["cpu"].show_now(f"{now.cpu_percent:.0f} %", t("computer.cpu.note"))
        self.tiles["cpu"].show_lines([[each.cpu_percent for each in history]], 100.0)
        total = float(now.ram_total_bytes) or 1.0
        used = f"{gigabytes(now.ram_used_bytes)} GB"
        self.tiles["ram"].show_now(used, t("computer.of", total=gigabytes(now.ram_total_bytes)))
        self.tiles["ram"].show_lines([[float(each.ram_used_bytes) for each in history]], total)
        self._show_engine(history)
        self._show_disk(history)
        if now.gpus and "gpu 0" not in self.tiles:
            self._add_gpus(len(now.gpus))
        for index, gpu in enumerate(now.gpus):
            if f"gpu {index}" in self.tiles:  # else it was plugged in meanwhile
                self._show_gpu(index, gpu, history)
        self.free.setEnabled(now.engine_bytes is not None)

    def _show_engine(self, history: tuple[Figures, ...]) -> None:
        held = [float(each.engine_bytes or 0) for each in history]
        now = history[-1].engine_bytes
        words = "0 GB" if now is None else size(now)
        note = t("computer.engine.off") if now is None else t("computer.engine.note")
        self.tiles["engine"].show_now(words, note)
        self.tiles["engine"].show_lines([held], max(ENGINE_LEAST, 1.2 * max(held)))

    def _show_disk(self, history: tuple[Figures, ...]) -> None:
        moved = [each.disk_bytes_per_second or 0.0 for each in history]
        now = history[-1].disk_bytes_per_second
        self.tiles["disk"].show_now("—" if now is None else speed(now), t("computer.disk.note"))
        self.tiles["disk"].show_lines([moved], max(DISK_LEAST, 1.2 * max(moved)))

    def _add_gpus(self, count: int) -> None:
        tiles = {f"gpu {index}": Tile(("accent", "ok")) for index in range(count)}
        grid = CardGrid(least=230, most=min(count, 4), spacing=12)
        grid.set_cards(list(tiles.values()))
        self._cards.addWidget(grid)
        self.tiles |= tiles
        self._draw(self._model.charts.value)

    def _show_gpu(self, index: int, now: GpuLoad, history: tuple[Figures, ...]) -> None:
        tile = self.tiles[f"gpu {index}"]
        tile.set_name(now.name)
        memory = ""
        if now.used_bytes is not None and now.total_bytes:
            memory = t(
                "computer.gpu.memory", used=gigabytes(now.used_bytes), total=gigabytes(now.total_bytes)
            )
        tile.show_now("—" if now.percent is None else f"{now.percent:.0f} %", memory)
        loads = [each.gpus[index] for each in history if index < len(each.gpus)]
        tile.show_lines(
            [
                [load.percent or 0.0 for load in loads],
                [100 * (load.used_bytes or 0) / (load.total_bytes or 1) for load in loads],
            ],
            100.0,
        )

    def _free_memory(self) -> None:
        """Freeing stops what runs, so that is asked first."""
        if self._model.at_work:
            self._model.desk.say(t("computer.free_busy"), "computer.free_anyway", self._free_now)
        else:
            self._free_now()

    def _free_now(self) -> None:
        self._model.free_memory()
        self._model.desk.say(t("computer.freed"))
