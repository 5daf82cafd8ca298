"""Draw: words to pictures, large, with those of late below."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QStackedLayout, QWidget

from studio.app import files, keys, pictures
from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.language import bind_text, on_language
from studio.app.making_panel import MakingPanel
from studio.app.observable import bind, watch
from studio.app.panels.draw.viewmodel import DrawModel
from studio.app.recent import Shown
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.image_view import ImageView
from studio.app.widgets.prompt_box import PromptBox
from studio.app.widgets.thumbnail_strip import Thumbnail, ThumbnailStrip
from studio.domain.quantity import duration
from studio.domain.text import language, t
from studio.services.runner import PreviewFrame

THUMBNAIL = 192  # pixels, twice what is shown


class DrawPanel(MakingPanel):
    def __init__(self, desk: Desk) -> None:
        self.model = DrawModel(desk)
        super().__init__(desk, self.model, PromptBox("draw.placeholder", weights=True))
        self.view = ImageView()
        self.strip = ThumbnailStrip()
        self._background = Background("Draw")
        self._thumbnails: dict[Path, asyncio.Future[None]] = {}
        self._opening: asyncio.Future[None] | None = None
        self._shown: Path | None = None
        empty = EmptyState("draw", "draw.empty", "draw.empty.words", "draw.empty.example", "generate")
        empty.clicked.connect(self._example)
        self._pages = QStackedLayout()
        self._pages.addWidget(empty)
        self._pages.addWidget(self.view)
        holder = QWidget()
        holder.setLayout(self._pages)
        self.workspace.addWidget(holder, 1)
        self.workspace.addWidget(self.strip)
        self._add_actions()
        self.strip.chosen.connect(lambda id_: self._look_at(Path(id_)))
        self.strip.activated_id.connect(lambda id_: files.open_file(Path(id_)))
        self.view.browse_requested.connect(self.strip.move)
        self.view.failed.connect(self.desk.complain)
        bind(self.model.recent.results, self._show_pictures)
        bind(self.model.recent.current, self._show_current)
        watch(self.model.preview, self._show_preview)
        on_language(self._caption)

    def close_down(self) -> None:
        self._background.close()
        super().close_down()

    def _add_actions(self) -> None:
        copy = IconButton("copy", "app.copy_image")
        copy.clicked.connect(self._copy)
        again = Button("draw.use_again", "again")
        again.clicked.connect(self.model.use_again)
        self.view.corner.addWidget(copy)
        self.view.corner.addWidget(again)
        for key, icon_action in (
            ("draw.use_again", self.model.use_again),
            ("draw.reuse_seed", self.model.reuse_seed),
            ("draw.delete", self.model.recent.delete),
        ):
            action = QAction(self.view)
            bind_text(action.setText, key)
            action.triggered.connect(icon_action)
            self.view.extra_actions.append(action)
        keys.shortcut("use_again", self, self.model.use_again)
        keys.shortcut("delete", self, self.model.recent.delete)

    # --- showing -------------------------------------------------------------------------------

    def _show_pictures(self, shown: tuple[Shown, ...]) -> None:
        self._pages.setCurrentIndex(1 if shown or self.model.preview.value else 0)
        self.strip.setVisible(bool(shown))
        self.strip.set_items([Thumbnail(str(p.path), p.title, path=p.path) for p in shown])
        for picture in shown:
            if picture.path not in self._thumbnails:
                reading = self._background.start(self._read_thumbnail(picture.path))
                self._thumbnails[picture.path] = reading
        for path in self._thumbnails.keys() - {picture.path for picture in shown}:
            self._thumbnails.pop(path).cancel()
        current = self.model.recent.current.value
        self.strip.set_current(str(current.path) if current else None)

    async def _read_thumbnail(self, path: Path) -> None:
        image = await pictures.load(path, THUMBNAIL)
        if not image.isNull():
            self.strip.set_picture(str(path), image)

    def _show_current(self, picture: Shown | None) -> None:
        self._caption()
        self.strip.set_current(str(picture.path) if picture else None)
        if picture is None:
            self._shown = None
            self._pages.setCurrentIndex(0)
        elif picture.path != self._shown:
            self._pages.setCurrentIndex(1)
            if self._opening is not None:
                self._opening.cancel()
            self._opening = self._background.start(self._open(picture.path))

    async def _open(self, path: Path) -> None:
        image = await pictures.load(path)
        current = self.model.recent.current.value
        if current is not None and current.path == path and self.model.preview.value is None:
            self._shown = path
            self.view.set_image(image, path)

    def _show_preview(self, frame: PreviewFrame | None) -> None:
        if frame is not None:
            self._pages.setCurrentIndex(1)
            self._shown = None
            self.view.set_image(pictures.from_rgb(frame.rgb, frame.width, frame.height))
            self.view.set_caption(t("draw.preview"))
        else:
            self._show_current(self.model.recent.current.value)

    def _caption(self) -> None:
        picture = self.model.recent.current.value
        if picture is None or self.model.preview.value is not None:
            return
        parts = [] if picture.seed is None else [t("draw.caption.seed", seed=picture.seed)]
        if picture.request is not None and "steps" in picture.request.values:
            parts.append(t("draw.caption.steps", steps=picture.request.values["steps"]))
        if picture.took is not None:
            parts.append(duration(picture.took))
        self.view.set_caption("  •  ".join(parts))

    # --- doing ---------------------------------------------------------------------------------

    def _example(self) -> None:
        """Draw an example of the model's own, so that the first picture needs no idea."""
        model = self.model.model
        examples = model.prompts(language()) if model else ()
        if examples and not self.model.prompt.value.strip():
            self.model.prompt.value = examples[0]
        self.generate()

    def _copy(self) -> None:
        if not self.view.image().isNull():
            files.copy_image(self.view.image())
            self.desk.say(t("app.copied"))

    def _look_at(self, path: Path) -> None:
        self.model.preview.value = None
        self.model.recent.open(path)


def create(desk: Desk) -> DrawPanel:
    return DrawPanel(desk)
