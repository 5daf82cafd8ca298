"""The Qt face of the studio: one window of panels over view-models."""

from PySide6.QtCore import QObject as _  # noqa: F401  # pyright: ignore[reportUnusedImport] - brings the next
from shibokensupport import feature  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

# Whatever is imported after Qt, its bindings read the source of, to see whether it switches on one of
# their optional features (snake_case names, say). The studio uses none, and reading a hundred files
# takes 6 ms of each start.
if hasattr(feature, "_mod_uses_pyside"):  # pyright: ignore[reportUnknownArgumentType]
    feature._mod_uses_pyside = lambda _: False
