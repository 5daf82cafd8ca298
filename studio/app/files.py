"""What one can do with a finished file by hand: copy, save a copy, show it in its folder, drag it out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDrag, QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import QWidget

from studio.domain.failure import Failure
from studio.domain.text import t


def copy_image(image: QImage) -> None:
    """The pixels only: what a picture's metadata tells stays here."""
    pixels = image.convertToFormat(QImage.Format.Format_RGBA8888)
    # A copy of the image would carry its texts along, and they would be written where it is pasted.
    bare = QImage(pixels.constBits(), pixels.width(), pixels.height(), pixels.bytesPerLine(), pixels.format())
    bare = bare.copy()
    bare.setColorSpace(image.colorSpace())
    QGuiApplication.clipboard().setImage(bare)


def copy_text(text: str) -> None:
    """Plain text to the clipboard."""
    QGuiApplication.clipboard().setText(text)


def save_copy(parent: QWidget, path: Path, failed: Callable[[Failure], object]) -> None:
    """Ask where, then copy *path* there, without holding up the window; *failed* tells why it could not."""

    import shutil

    from PySide6.QtWidgets import QFileDialog

    def copy(chosen: str) -> None:
        try:
            shutil.copyfile(path, chosen)
        except OSError as error:
            reason = error.strerror or str(error)
            failed(Failure(code="output.unwritable", values={"path": chosen, "reason": reason}))

    dialog = QFileDialog(parent, t("app.save_copy"), str(Path.home() / path.name))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(path.suffix.lstrip("."))
    dialog.selectFile(path.name)
    dialog.fileSelected.connect(copy)
    dialog.open()


def reveal(path: Path) -> None:
    """Show *path* in the system's file manager, chosen where the system can do that."""
    import subprocess

    if sys.platform == "win32":
        subprocess.Popen(["explorer", f"/select,{path}"])
    elif sys.platform == "darwin":
        subprocess.Popen(["open", "-R", str(path)])
    else:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))


def open_file(path: Path) -> None:
    """In the program that the system has for it."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def drag_out(source: QWidget, path: Path, picture: QPixmap | None = None) -> None:
    """Start dragging the file to another program; call from a mouse move."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    drag = QDrag(source)
    drag.setMimeData(data)
    if picture is not None and not picture.isNull():
        small = picture.scaled(
            96, 96, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        drag.setPixmap(small)
        drag.setHotSpot(QPoint(small.width() // 2, small.height() // 2))
    drag.exec(Qt.DropAction.CopyAction)
