"""One folder per panel: `panel.py` shows, `viewmodel.py` knows. Panels do not know each other."""

from __future__ import annotations

from importlib import import_module

from studio.app.desk import Desk
from studio.app.panel import Panel, PanelSpec

# Key, where in the rail, the tasks it makes. Each is `panels/<key>/panel.py` with `create(desk)`.
_PANELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("home", "top", ()),
    ("write", "top", ("text",)),
    ("draw", "top", ("image",)),
    ("speak", "top", ("speech", "music")),
    ("gallery", "bottom", ()),
    ("models", "bottom", ()),
    ("disk", "bottom", ()),
    ("computer", "bottom", ()),
    ("settings", "bottom", ()),
)


def makers() -> list[tuple[str, str]]:
    """(key, task) of everything that panels make, in the order of the rail."""
    return [(key, task) for key, _, tasks in _PANELS for task in tasks]


def panel_specs(desk: Desk) -> list[PanelSpec]:
    """Every panel, in the order of the rail; each is imported when it is first shown."""
    return [
        PanelSpec(key, key, f"panel.{key}", lambda key=key: _create(key, desk), group, tasks)
        for key, group, tasks in _PANELS
    ]


def _create(key: str, desk: Desk) -> Panel:
    return import_module(f"studio.app.panels.{key}.panel").create(desk.of(key))
