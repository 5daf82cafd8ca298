"""Gallery: everything that was made here, to look at, to find, to use again, to take along."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from studio.app import files, icons, keys
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panel import Panel
from studio.app.panels.gallery.details import Details
from studio.app.panels.gallery.grid import ResultGrid
from studio.app.panels.gallery.large import LargeView
from studio.app.panels.gallery.viewmodel import KINDS, GalleryModel
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.chips import ChipGroup
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.label import Label
from studio.app.widgets.text_area import SearchField
from studio.domain.text import t
from studio.services.gallery import Result


class GalleryPanel(Panel):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.model = GalleryModel(desk)
        self.search = SearchField("gallery.search")
        self.kinds = ChipGroup([(None, "gallery.all"), *((kind, f"gallery.kind.{kind}") for kind in KINDS)])
        self.grid = ResultGrid()
        self.large = LargeView(desk)
        self.more = IconButton("more", "gallery.more")
        self.trash = Button(icon="delete", kind="quiet")
        self._count = Label(role="muted")
        self.inspector = self.details = Details(self.model)
        self._lay_out()
        self._wire()

    def open_result(self, path: Path) -> None:
        """Show the result *path* large."""
        self.model.open_path(path)

    def close_down(self) -> None:
        self.model.close()
        self.grid.close_down()
        self.large.close_down()
        self.details.close_down()

    # --- how it is put together -----------------------------------------------------------------

    def _lay_out(self) -> None:
        self.search.setMinimumWidth(320)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(Label("panel.gallery", "heading"))
        top.addStretch(1)
        top.addWidget(self.search)
        top.addWidget(self.more)
        second = QHBoxLayout()
        second.addWidget(self.kinds)
        second.addStretch(1)
        second.addWidget(self.trash)
        second.addWidget(self._count)
        self._nothing = EmptyState(
            "gallery", "gallery.empty", "gallery.empty.words", "gallery.empty.go", "draw"
        )
        self._nothing.clicked.connect(lambda: self.desk.go("draw"))
        self._none_found = EmptyState(
            "search", "gallery.none", "gallery.none.words", "gallery.none.all", "gallery"
        )
        self._none_found.clicked.connect(self._show_all)
        holder = QWidget()
        self._lists = QStackedLayout(holder)
        for page in (self.grid, self._none_found):
            self._lists.addWidget(page)
        listing = QWidget()
        column = QVBoxLayout(listing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(top)
        column.addLayout(second)
        column.addWidget(holder, 1)
        self._listing = listing
        self._pages = QStackedLayout()
        for page in (listing, self.large, self._nothing):
            self._pages.addWidget(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(30, 22, 16, 12)
        whole.addLayout(self._pages)

    def _wire(self) -> None:
        model = self.model
        bind(model.words, self._show_words, self.search.textChanged, owner=self)
        bind(model.kind, self.kinds.set_value, self.kinds.changed)
        self.grid.chosen.connect(model.select)
        self.grid.opened.connect(model.open)
        self.grid.delete_pressed.connect(model.delete)
        self.grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.grid.customContextMenuRequested.connect(self._context)
        self.large.back.connect(self._close_large)
        self.large.browsed.connect(model.browse)
        self.more.clicked.connect(lambda: self.menu().popup(self._below(self.more)))
        self.trash.clicked.connect(lambda: self.trash_menu().popup(self._below(self.trash)))
        bind(model.results, self._show_results)
        bind(model.selected, self._show_selected)
        bind(model.opened, self._show_opened)
        watch(model.empty, self._show_page)
        watch(model.trashed, self._count_them)
        watch(model.total, self._count_them)
        keys.shortcut("use_again", self, model.use_again)
        keys.shortcut("delete", self, model.delete)
        keys.shortcut("undo_delete", self, model.undo_delete)
        keys.shortcut("search", self, self._find)
        on_language(self._retranslate)
        self._show_page(None)

    # --- showing --------------------------------------------------------------------------------

    def _show_words(self, words: str) -> None:
        if words != self.search.text():
            self.search.setText(words)

    def _show_results(self, results: tuple[Result, ...] | None) -> None:
        self.grid.show_results(results or ())
        self._lists.setCurrentWidget(self._none_found if results == () else self.grid)
        self._count_them(None)
        self._show_page(None)

    def _show_selected(self, chosen: tuple[Result, ...]) -> None:
        if tuple(self.grid.selected()) != chosen:
            self.grid.select(chosen, chosen[0] if chosen else None)

    def _show_opened(self, result: Result | None) -> None:
        results = self.model.results.value or ()
        ends = [results[0].id, results[-1].id] if results else [0, 0]
        self._show_page(None)
        self.large.show_result(
            result, first=result is None or result.id == ends[0], last=result is None or result.id == ends[1]
        )

    def _show_page(self, _: object) -> None:
        if self.model.opened.value is not None:
            page = self.large
        else:
            page = self._nothing if self.model.empty.value and not self.model.trashed.value else self._listing
        self._pages.setCurrentWidget(page)

    def _count_them(self, _: object) -> None:
        results, trashed = self.model.results.value, self.model.trashed.value
        shown, total = len(results or ()), self.model.total.value
        key = "gallery.count" if shown == total else "gallery.count_of"
        self._count.setText("" if results is None else t(key, count=shown, total=total))
        self.trash.setText(t("gallery.trash", count=trashed))
        self.trash.setVisible(trashed > 0)

    def _retranslate(self) -> None:
        self._count_them(None)

    # --- doing ----------------------------------------------------------------------------------

    def _find(self) -> None:
        self.model.open(None)
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _show_all(self) -> None:
        self.model.words.value = ""
        self.model.kind.value = None

    def _close_large(self) -> None:
        opened = self.model.opened.value
        self.model.open(None)
        self.grid.setFocus()
        if opened is not None:
            self.grid.show_place_of(opened)

    def menu(self) -> QMenu:
        """What concerns the whole gallery. It deletes itself when it closes."""
        menu = self._menu()
        menu.addAction(icons.icon("retry"), t("gallery.rescan"), self.model.rescan)
        menu.addAction(icons.icon("reveal"), t("gallery.folder"), self._open_folder)
        return menu

    def trash_menu(self) -> QMenu:
        menu = self._menu()
        menu.addAction(icons.icon("delete"), t("gallery.empty_trash"), self.model.empty_trash)
        return menu

    def context_menu(self) -> QMenu:
        """What can be done with the chosen results."""
        chosen, details, menu = self.model.selected.value, self.details, self._menu()
        one = chosen[0] if len(chosen) == 1 else None
        if one is not None:
            menu.addAction(icons.icon("fit"), t("gallery.open"), lambda: self.model.open(one))
        if one is not None and one.request is not None:
            menu.addAction(icons.icon("again"), t("gallery.use_again"), self.model.use_again)
        menu.addAction(icons.icon("copy"), t("gallery.copy"), details.copy_chosen)
        if one is not None and one.media_type.startswith("image/"):
            menu.addAction(icons.icon("offline"), t("gallery.copy_bare"), details.copy_pixels)
        if one is not None:
            menu.addAction(
                icons.icon("save"),
                t("app.save_copy"),
                lambda: files.save_copy(self, one.path, self.desk.complain),
            )
            menu.addAction(icons.icon("reveal"), t("app.reveal"), lambda: files.reveal(one.path))
        menu.addSeparator()
        menu.addAction(icons.icon("delete", "bad"), t("gallery.delete"), self.model.delete)
        return menu

    def _context(self, place: QPoint) -> None:
        if self.model.selected.value:
            self.context_menu().popup(self.grid.viewport().mapToGlobal(place))

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _open_folder(self) -> None:
        folder = self.desk.studio.outputs()
        folder.mkdir(parents=True, exist_ok=True)
        files.open_file(folder)

    @staticmethod
    def _below(button: QWidget) -> QPoint:
        return button.mapToGlobal(QPoint(0, button.height() + 4))


def create(desk: Desk) -> GalleryPanel:
    return GalleryPanel(desk)
