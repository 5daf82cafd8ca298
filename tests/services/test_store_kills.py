"""Killed before every single write, the store holds one whole model, and the next start puts all in order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from studio.services.store.errand import Errand
from studio.services.store.leftovers import free, leftovers
from studio.services.store.settle import settle
from studio.services.store.store import Store
from tests.services import store_victim
from tests.services.stored_models import FILES, PLACE, tree, whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


def killed(what: str, folder: Path) -> int:
    folder.mkdir()
    environment = {**os.environ, "HOME": str(folder / "home"), "XDG_DATA_HOME": str(folder / "home" / "data")}
    (folder / "home").mkdir()
    done = subprocess.run(
        [sys.executable, store_victim.__file__, what, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def look(folder: Path, least: int) -> Store:
    """What is there is whole; the next start, done twice, leaves it so."""
    store = store_victim.store_of(folder)
    stored = store.stored()
    assert whole(stored) == stored, "half a model is listed"
    settle(store)
    settle(store)
    stored = store.stored()
    assert whole(stored) == stored
    assert len(stored) >= least
    return store


def clear(store: Store, folder: Path) -> None:
    """Freeing what is left over leaves nothing but models."""
    for leftover in leftovers(store):
        free(leftover)
    for root in store_victim.roots(folder):
        assert not [name for name in tree(root) if ".parts" in name], tree(root).keys()


@pytest.mark.parametrize(
    ("what", "least", "fewest"),
    [
        ("settle", 1, 5),
        ("move", 1, 5),
        ("copy", 1, 30),
        ("publish", 1, 12),
        ("bring", 0, 18),
        ("export", 1, 18),
        ("remove", 0, 5),
        ("trash", 0, 4),
    ],
)
def test_killed_before_every_write(tmp_path: Path, what: str, least: int, fewest: int) -> None:
    folder = tmp_path / what
    count = killed(what, folder)
    assert count >= fewest
    for number in range(count + 1):
        at = folder / str(number)
        store = look(at, least)
        if what in ("move", "copy"):
            assert len(store.stored()) == 1, "it is here and there"
            if store.on(store.roots[0]):  # it had not come so far: again, and it does
                store_victim.ACTS["move"](at, Errand())
            assert set(tree(store.on(store.roots[1])[0].folder)) == {*FILES, ".studio.json"}
            assert not (store.roots[0] / "maker--tiny").exists()
        elif what == "settle":
            assert store.stored()[0].folder.relative_to(store.roots[0]).as_posix() == f"{PLACE}+tiny"
        elif what == "bring":
            store_victim.ACTS[what](at, Errand())
            assert len(store.stored()) == 1
            assert (at / "stick" / PLACE / "m.gguf").exists()
        elif what == "export":
            names = {path.name for path in store.roots[1].iterdir()}
            if "maker--tiny@c0ffeec0ffee" not in names:
                store_victim.ACTS[what](at, Errand())
            assert len(whole(Store([next(store.roots[1].iterdir())]).stored())) == 1
            continue
        clear(store, at)
    if what in ("remove", "trash"):
        assert not (folder / str(count) / "a" / "maker--tiny").exists()
        assert store_victim.store_of(folder / str(count)).stored() == []
    if what == "trash":
        gone = [number for number in range(count + 1) if not (folder / str(number) / "a" / PLACE).exists()]
        trashed = list((folder / "home" / "data" / "Trash" / "files").iterdir())
        assert len(gone) == len(trashed) >= 1
        assert all(set(tree(each)) == {*FILES, ".studio.json"} for each in trashed)


def test_how_not_to_do_it_is_noticed(tmp_path: Path) -> None:
    """The detector of half models fires."""
    count = killed("bad", tmp_path / "bad")
    halves = 0
    for number in range(count):
        stored = store_victim.store_of(tmp_path / "bad" / str(number)).stored()
        halves += whole(stored) != stored
    assert halves >= 3


def test_a_move_ends_only_where_the_copy_is(tmp_path: Path) -> None:
    """A drive that went away after the copy: nothing is removed before it can be seen."""
    folder = tmp_path / "copy"
    count = killed("copy", folder)
    both = 0
    for number in range(count):
        at = folder / str(number)
        store = store_victim.store_of(at)
        first, second = store.roots
        if not store.on(first) or not (second / PLACE).exists():
            continue
        both += 1
        second.rename(at / "unplugged")
        settle(store)
        assert len(store.on(first)) == 1
        (at / "unplugged").rename(second)
        settle(store)
        assert (len(store.on(first)), len(store.on(second))) == (0, 1)
    assert both >= 1
    shutil.rmtree(folder)
