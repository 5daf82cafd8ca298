"""One folder per panel: `panel.py` shows, `viewmodel.py` knows. Panels do not know each other."""

from __future__ import annotations

from importlib import import_module

from studio.app.desk import Desk
from studio.app.panel import Panel, PanelSpec

# Key, where in the rail, the task it makes. Each is `panels/<key>/panel.py` with `create(desk)`.
_PANELS = (
    ("home", "top", ""),
    ("write", "top", "text"),
    ("draw", "top", "image"),
    ("speak", "top", "speech"),
    ("gallery", "bottom", ""),
    ("models", "bottom", ""),
    ("computer", "bottom", ""),
    ("settings", "bottom", ""),
)


def makers() -> list[tuple[str, str]]:
    """(key, task) of every panel that makes something, in the order of the rail."""
    return [(key, task) for key, _, task in _PANELS if task]


def panel_specs(desk: Desk) -> list[PanelSpec]:
    """Every panel, in the order of the rail; each is imported when it is first shown."""
    return [
        PanelSpec(key, key, f"panel.{key}", lambda key=key: _create(key, desk), group, task)
        for key, group, task in _PANELS
    ]


def _create(key: str, desk: Desk) -> Panel:
    return import_module(f"studio.app.panels.{key}.panel").create(desk.of(key))
