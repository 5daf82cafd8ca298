"""What lies in the roots and is no model: parts of downloads, of copies, of what was removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio.services.store import publish, room
from studio.services.store.layout import PARTS
from studio.services.store.move import FROM
from studio.services.store.store import Store

Kind = Literal["download", "copy", "removed"]


class Leftover(Struct, frozen=True, kw_only=True):
    """`name`: the model's id or place. `bytes` it takes; `touched`: when something in it last changed."""

    path: str
    root: str
    kind: Kind
    name: str
    bytes: int
    touched: float


def leftovers(store: Store) -> list[Leftover]:
    """Those that nobody works on now, the largest first."""
    found = [each for root in store.roots for each in _on(root)]
    return sorted(found, key=lambda each: -each.bytes)


def free(leftover: Leftover) -> int:
    """Delete it; the bytes that became free. Raises StudioError `model.busy`, `output.unwritable`."""
    root, home = Path(leftover.root), Path(leftover.path)
    with room.told(root), publish.hold(root, home.name, leftover.name):
        if home.exists():
            shutil.rmtree(home)
    return leftover.bytes


def _on(root: Path) -> Iterator[Leftover]:
    parts = root / PARTS
    for home in sorted(parts.iterdir()) if parts.is_dir() else ():
        if home.is_dir() and not home.name.startswith(FROM) and not publish.is_held(home):
            yield _look(root, home)


def _look(root: Path, home: Path) -> Leftover:
    stats = [path.stat() for path in home.rglob("*") if path.is_file()]
    kind: Kind = "download"
    if home.name.startswith(publish.REMOVED):
        kind = "removed"
    elif (home / publish.READY).is_dir():
        kind = "copy"
    return Leftover(
        path=str(home),
        root=str(root),
        kind=kind,
        name=home.name.removeprefix(publish.REMOVED),
        bytes=sum(stat.st_size for stat in stats),
        touched=max((stat.st_mtime for stat in stats), default=home.stat().st_mtime),
    )
