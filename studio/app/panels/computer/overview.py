"""Computer's first page: how busy it is now, what it can do, how fast it is, what it is."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout

from studio.app.panels.computer.able import Able
from studio.app.panels.computer.benchmark import Benchmark
from studio.app.panels.computer.facts import Facts
from studio.app.panels.computer.live import Live
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.scroll import ScrollColumn


class Overview(ScrollColumn):
    def __init__(self, model: ComputerModel) -> None:
        super().__init__(margins=(32, 4, 32, 20), spacing=18)
        self.live = Live(model)
        self.able = Able(model)
        self.benchmark = Benchmark(model)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.able, 8)
        middle.addWidget(self.benchmark, 7)
        self.body.addWidget(self.live)
        self.body.addLayout(middle)
        self.body.addWidget(Facts(model))
        self.body.addStretch(1)
