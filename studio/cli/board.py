"""Downloads in a terminal: a line for each, and below it the files that are on their way."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from studio.cli import terminal
from studio.domain.quantity import duration, size, speed
from studio.domain.text import t
from studio.services.downloads.state import DownloadState, State

BAR = 16


class Board:
    """As a context; `titles` by id. Nothing moves where stderr is no terminal."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._states: dict[str, DownloadState] = {}
        console = terminal.err()
        self._live = (
            Live(console=console, transient=True, auto_refresh=False) if sys.stderr.isatty() else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, state: DownloadState) -> None:
        """Take a new state of one of them."""
        if state.id in self._titles:
            self._states[state.id] = state
            if self._live:
                self._live.update(self.picture(), refresh=True)

    def say(self, words: str) -> None:
        """A line that stays, above what moves."""
        if self._live:
            self._live.console.print(Text(words, style="dim"), soft_wrap=True)
        else:
            terminal.say(words)

    def picture(self) -> RenderableType:
        """All that are not over."""
        table = Table.grid(padding=(0, 2))
        table.add_column()  # the one that gives way where the terminal is narrow
        table.add_column(width=BAR)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        for model_id, state in self._states.items():
            if state.state is State.DONE:
                continue
            table.add_row(
                _name(self._titles[model_id], "bold"),
                _bar(state.done_bytes, state.total_bytes),
                _amount(state.done_bytes, state.total_bytes),
                Text(_words(state), style="dim"),
            )
            for file in state.files:
                table.add_row(
                    _name(f"  {file.name}", "dim"),
                    _bar(file.done, file.total),
                    _amount(file.done, file.total),
                )
        return Group(table)


def _name(words: str, style: str) -> Text:
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


def _bar(done: int, total: int) -> ProgressBar:
    return ProgressBar(total=total or None, completed=done, width=BAR, pulse=not total)


def _amount(done: int, total: int) -> Text:
    return Text(f"{size(done)} / {size(total)}" if total else size(done) if done else "")


def _words(state: DownloadState) -> str:
    if state.state is not State.RUNNING:
        return t(f"downloads.state.{state.state}")
    words = [speed(state.bytes_per_second) if state.bytes_per_second else t(f"cli.stage.{state.stage}")]
    if state.remaining is not None:
        words.append(t("cli.about", time=duration(state.remaining)))
    return "  ".join(words)
