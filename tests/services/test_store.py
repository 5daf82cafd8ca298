"""Stored models are found, checked, moved and carried as they are, and refused when they are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from studio.domain import text
from studio.domain.failure import Cancelled, StudioError
from studio.domain.model import ModelFile
from studio.services.library.library import Library
from studio.services.store import carry, layout, room, trash
from studio.services.store.errand import Errand
from studio.services.store.leftovers import free, leftovers
from studio.services.store.move import move
from studio.services.store.publish import hold, publish
from studio.services.store.record import NAME, read_record, write_record
from studio.services.store.settle import settle
from studio.services.store.store import Store
from studio.services.store.usage import usage
from studio.services.store.verify import verify
from tests.fakes.model_files import write
from tests.services.shops import sha256
from tests.services.stored_models import (
    CONTENT,
    FILES,
    PLACE,
    elsewhere,
    listed,
    only,
    put,
    put_old,
    record,
    tree,
    whole,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two roots on one drive; nothing in them."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return Store([tmp_path / "a", tmp_path / "b"], tmp_path / "seen.json")


@pytest.fixture
def other_drive(tmp_path: Path) -> Iterator[Path]:
    memory = elsewhere(tmp_path)
    if memory is None:
        pytest.skip("there is one file system only")
    folder = memory / f"studio-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def refused(act: Callable[[], object]) -> StudioError:
    """The error of *act*, which has words in both languages."""
    with pytest.raises(StudioError) as caught:
        act()
    for language in text.LANGUAGES:
        text.set_language(language)
        for words in (caught.value.failure.message, caught.value.failure.hint):
            assert words
            assert not words.startswith("failure.")
            assert "{" not in words
    text.set_language("en")
    return caught.value


def code_of(act: Callable[[], object]) -> str:
    return refused(act).failure.code


# --- names --------------------------------------------------------------------------------------


def test_places() -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    assert layout.place(layout.repository("Maker/A.b-7B"), commit) == "Maker--A.b-7B/0123456789ab"
    assert layout.place(layout.repository("m/a"), commit, "Q4_K_M") == "m--a/0123456789ab+Q4_K_M"
    assert layout.place(layout.wheels("tiny"), "1.0.2") == "wheels--tiny/1.0.2"
    assert layout.address("https://example.org:8/x/my%20model.gguf?a=1").startswith("example.org--my-model-")
    assert layout.imported("a") == "import--a"
    (file,) = listed({"m": b"x"})
    assert layout.place("a--b", layout.version_of([file])) == f"a--b/{sha256(b'x')[:12]}"


@pytest.mark.parametrize(
    "name",
    ["..", "../../x", "a/b", "nul", "C:x", "a\0b", "x" * 300, "", ".", "模" * 200, "a\u202eb", "~", "-"],
)
def test_any_name_becomes_one_safe_folder(name: str) -> None:
    made = layout.slug(name)
    assert layout.is_place(f"{made}/x"), made
    assert layout.slug(made) == made
    assert layout.slug(name + "!") != made  # what was changed does not fall together


@pytest.mark.parametrize(
    "place", ["a", "/a/b", "../b", "a/..", "a/b/c", ".parts/x", "a/.b", "a\\b/c", "", "a/"]
)
def test_what_is_no_place(place: str) -> None:
    assert not layout.is_place(place)


# --- finding ------------------------------------------------------------------------------------


def test_found_by_looking(store: Store) -> None:
    first, second = store.roots
    put(first)
    put(second, "other", "maker--other/1")
    assert [stored.record.ids for stored in store.stored()] == [("tiny",), ("other",)]
    assert [stored.folder for stored in store.of("other")] == [second / "maker--other" / "1"]
    shutil.rmtree(second / "maker--other")
    assert store.of("other") == []


@pytest.mark.logs
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ids": 3}', b"\xff"])
def test_a_broken_record_is_no_model_and_hides_no_other(store: Store, content: bytes) -> None:
    put(store.roots[0])
    write(store.roots[0] / "x--y" / "1", {NAME: content, "m.gguf": CONTENT})
    assert only(store).record.ids == ("tiny",)


def test_a_record_is_read_again_when_it_changed(store: Store) -> None:
    folder = put(store.roots[0])
    assert only(store).record.ids == ("tiny",)
    write_record(folder, record("renamed"))
    assert only(store).record.ids == ("renamed",)


def test_a_record_of_a_later_version_is_read(store: Store) -> None:
    folder = put(store.roots[0])
    known = msgspec.json.decode((folder / NAME).read_bytes())
    known |= {"from_later": [1], "model": {"id": "tiny", "kind": "unknown to this version"}}
    (folder / NAME).write_bytes(msgspec.json.encode(known))
    stored = only(store)
    assert stored.record.described() is None
    assert whole([stored])


def test_a_root_that_is_not_there_is_remembered_and_comes_back(store: Store) -> None:
    first, second = store.roots
    put(second)
    store.remember()
    second.rename(second.parent / "unplugged")
    again = Store(store.roots, second.parent / "seen.json")
    assert again.stored() == []
    (held,) = again.away()[second]
    assert (held.ids, held.bytes) == (("tiny",), sum(map(len, FILES.values())))
    again.remember()  # what is away is not forgotten
    settle(again)
    assert not second.exists()
    (drive,) = (drive for drive in usage(again, lambda _: None).drives if not drive.there)
    assert (drive.roots, drive.titles) == ((str(second),), ("tiny",))
    (second.parent / "unplugged").rename(second)
    assert again.away() == {}
    assert only(again).root == second
    assert first.exists()


def test_a_model_that_the_list_does_not_have_is_known_by_its_record(tmp_path: Path) -> None:
    put(tmp_path / "models", "from-elsewhere")
    (tmp_path / "manifest").mkdir()
    library = Library(tmp_path / "models", manifest=tmp_path / "manifest", assets=tmp_path)
    entry = library.entry("from-elsewhere")
    assert entry.installed
    assert entry in library.entries("text")
    assert library.resolve("from-elsewhere").source.path.endswith("m.gguf")
    assert library.title_of("from-elsewhere") == "The from-elsewhere"


# --- folders of earlier versions ----------------------------------------------------------------


def test_old_folders_are_read_and_then_renamed(store: Store) -> None:
    old = put_old(store.roots[0])
    inode = (old / "m.gguf").stat().st_ino
    before = only(store)
    assert (before.folder, before.record.licence.date) == (old, 1.0)
    assert settle(store)
    stored = only(store)
    assert stored.folder == store.roots[0] / f"{PLACE}+tiny"
    assert (stored.folder / "m.gguf").stat().st_ino == inode, "it was copied"
    assert stored.record == before.record
    assert set(tree(stored.folder)) == {*FILES, NAME}
    assert not settle(store)


def test_what_is_not_ours_stays(store: Store) -> None:
    write(store.roots[0] / "my own things", {"a.txt": b"1", "b/c.txt": b"2"})
    write(store.roots[0], {"loose.gguf": CONTENT})
    before = tree(store.roots[0])
    put_old(store.roots[0])
    settle(store)
    after = tree(store.roots[0])
    assert {name: after.get(name) for name in before} == before


# --- checking -----------------------------------------------------------------------------------


def test_verify_tells_each_file(store: Store) -> None:
    folder = put(store.roots[0])
    told: list[tuple[int, int]] = []
    report = verify(folder, record().files, Errand(lambda done, total: told.append((done, total))))
    assert report.whole
    assert {file.state for file in report.files} == {"right"}
    total = sum(map(len, FILES.values()))
    assert told[-1] == (total, total)
    (folder / "m.gguf").write_bytes(CONTENT[:-1] + b"y")
    (folder / "tokenizer" / "words.json").unlink()
    write(folder, {"more/x.txt": b"1", ".DS_Store": b"1"})
    report = verify(folder, record().files, Errand())
    found = {file.path: file.state for file in report.files}
    assert found == {
        "m.gguf": "changed",
        "tokenizer/words.json": "missing",
        "empty.txt": "right",
        "more/x.txt": "extra",
    }
    assert report.wrong == ("m.gguf", "tokenizer/words.json")


def test_verify_does_not_believe_times(store: Store) -> None:
    """A bit that rotted changes neither the size nor the time of a file."""
    folder = put(store.roots[0])
    file = folder / "m.gguf"
    before = file.stat()
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verify(folder, record().files, Errand()).wrong == ("m.gguf",)


def test_verify_can_be_stopped(store: Store) -> None:
    folder = put(store.roots[0])
    errand = Errand()
    errand.stop()
    with pytest.raises(Cancelled):
        verify(folder, record().files, errand)


# --- moving -------------------------------------------------------------------------------------


def test_a_move_on_one_drive_is_a_rename(store: Store) -> None:
    inode = (put(store.roots[0]) / "m.gguf").stat().st_ino
    folder = move(only(store), store.roots[1], "tiny", Errand())
    assert folder == store.roots[1] / PLACE == only(store).folder
    assert (folder / "m.gguf").stat().st_ino == inode
    assert list(tree(store.roots[0])) == []


def test_a_move_between_drives_copies_and_checks(tmp_path: Path, other_drive: Path) -> None:
    for there, back in ((tmp_path / "a", other_drive), (other_drive, tmp_path / "a")):
        there.mkdir(exist_ok=True)
        store = Store([there, back])
        if not store.stored():
            put(there)
        move(only(store), back, "tiny", Errand())
        assert only(store).root == back
        assert whole(store.stored())
        assert list(tree(there)) == []
        assert leftovers(store) == []


def test_a_damaged_model_does_not_move(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "same_drive", lambda *_: False)
    folder = put(store.roots[0])
    (folder / "m.gguf").write_bytes(CONTENT[:-1] + b"y")
    before = tree(store.roots[0])
    assert code_of(lambda: move(only(store), store.roots[1], "tiny", Errand())) == "model.hash_mismatch"
    assert tree(store.roots[0]) == before
    assert list(tree(store.roots[1])) == []
    (folder / "m.gguf").unlink()
    assert code_of(lambda: move(only(store), store.roots[1], "tiny", Errand())) == "model.missing_file"


def test_a_move_that_is_stopped_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "same_drive", lambda *_: False)
    monkeypatch.setattr("studio.services.store.copying.CHUNK", 100)
    monkeypatch.setattr("studio.services.store.errand._INTERVAL", 0)
    put(store.roots[0])
    before = tree(store.roots[0])
    errand = Errand(lambda done, total: errand.stop() if done > 100 else None)
    with pytest.raises(Cancelled):
        move(only(store), store.roots[1], "tiny", errand)
    assert tree(store.roots[0]) == before
    assert leftovers(store) == []


def test_a_move_to_where_there_is_no_drive(store: Store, tmp_path: Path) -> None:
    put(store.roots[0])
    error = refused(lambda: move(only(store), tmp_path / "gone", "tiny", Errand()))
    assert error.failure.code == "disk.away"
    assert not (tmp_path / "gone").exists()


def test_two_processes_do_not_move_one_model(store: Store) -> None:
    put(store.roots[0])
    with hold(store.roots[1], PLACE, "tiny"):
        assert code_of(lambda: move(only(store), store.roots[1], "tiny", Errand())) == "model.busy"
    assert move(only(store), store.roots[1], "tiny", Errand())


# --- room ---------------------------------------------------------------------------------------


def test_room_is_seen_to_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store.roots[0])
    monkeypatch.setattr(room, "same_drive", lambda *_: False)
    usage_ = type("usage", (), {"free": room.RESERVE + 100})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage_)
    assert code_of(lambda: move(only(store), store.roots[1], "tiny", Errand())) == "disk.full"
    assert whole(store.stored())


def test_what_fat_cannot_hold_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "file_system", lambda _: "vfat")
    large = ModelFile(path="large.gguf", bytes=2**32)
    error = refused(lambda: room.need(tmp_path, [large]))
    assert (error.failure.code, error.failure.values["file"]) == ("disk.file_limit", "large.gguf")
    room.need(tmp_path, [ModelFile(path="fits.gguf", bytes=2**20)])
    monkeypatch.setattr(room, "file_system", lambda _: "ext4")
    room.need(tmp_path, [ModelFile(path="large.gguf", bytes=2**32)], reserve=0)


def test_the_file_system_is_known() -> None:
    if sys.platform == "linux":
        assert room.file_system(Path("/proc/self")) == "proc"


FULL = """
import sys
from pathlib import Path
from studio.domain.failure import StudioError
from studio.services.store import room
from studio.services.store.errand import Errand
from studio.services.store.move import move
from studio.services.store.store import Store
room.need = lambda *_, **__: None  # it fills up on the way
store = Store([Path(sys.argv[1]), Path(sys.argv[2])])
try:
    move(store.stored()[0], store.roots[1], "tiny", Errand())
    print("moved")
except StudioError as error:
    print(error.failure.code)
print(len(store.on(store.roots[0])), len(store.on(store.roots[1])))
"""


@pytest.mark.parametrize(
    ("options", "code"), [("size=64k", "disk.full"), ("ro", "output.unwritable"), ("size=8m", "moved")]
)
def test_a_full_and_a_read_only_drive(tmp_path: Path, options: str, code: str) -> None:
    """On real file systems, in a name space of its own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    put(tmp_path / "a", files={"m.gguf": CONTENT, "large.bin": os.urandom(200_000)})
    words = f'mount -t tmpfs -o {options} none "$2" && exec "$3" -c "$4" "$1" "$2"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", words, "sh", tmp_path / "a", tmp_path / "b", sys.executable, FULL],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    if done.returncode and "mount" in done.stderr + "unshare":
        pytest.skip(f"no name spaces here: {done.stderr}")
    assert done.stdout.split() == [code, *(["0", "1"] if code == "moved" else ["1", "0"])], done.stderr
    if code != "moved":
        assert whole(Store([tmp_path / "a"]).stored())


# --- removing -----------------------------------------------------------------------------------


def test_removed_for_good(store: Store) -> None:
    put(store.roots[0])
    put(store.roots[0], "tiny", "maker--tiny/2")
    trash.remove(store.stored()[0], "tiny", for_good=True)
    assert len(store.stored()) == 1  # the other version
    trash.remove(only(store), "tiny", for_good=True)
    assert list(tree(store.roots[0])) == []
    assert not (store.roots[0] / "maker--tiny").exists()


def test_where_there_is_no_trash_it_is_said_and_nothing_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import send2trash

    def nothing(_: object) -> None:
        raise OSError("no trash here")

    monkeypatch.setattr(send2trash, "send2trash", nothing)
    put(store.roots[0])
    error = refused(lambda: trash.remove(only(store), "tiny"))
    assert error.failure.code == "disk.no_trash"
    assert whole(store.stored())


def test_what_comes_back_from_the_trash_is_a_model_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trashed: list[Path] = []
    bin_ = tmp_path / "bin"

    def discard(path: Path) -> None:
        trashed.append(path)
        path.rename(bin_)

    monkeypatch.setattr("send2trash.send2trash", discard)
    put(store.roots[0])
    trash.remove(only(store), "tiny")
    assert store.stored() == []
    assert [path.name for path in trashed] == ["maker--tiny@c0ffeec0ffee"]
    bin_.rename(trashed[0])  # as the system's trash does it
    assert whole(store.stored())
    assert settle(store)
    assert only(store).folder == store.roots[0] / PLACE


# --- leftovers ----------------------------------------------------------------------------------


def test_leftovers_are_listed_and_freed_but_for_those_in_use(store: Store) -> None:
    parts = store.roots[0] / ".parts"
    write(parts / "broken-off", {"parts/abc": b"x" * 500})
    write(parts / "in-use", {"parts/def": b"x" * 100})
    os.utime(parts / "broken-off" / "parts" / "abc", (5, 5))
    with hold(store.roots[0], "in-use", "x"):
        (found,) = leftovers(store)
        assert (found.name, found.kind, found.bytes) == ("broken-off", "download", 500)
    small = next(each for each in leftovers(store) if each.name == "in-use")
    with hold(store.roots[0], "in-use", "x"):
        assert code_of(lambda: free(small)) == "model.busy"
    assert free(found) == 500
    assert [each.name for each in leftovers(store)] == ["in-use"]


# --- carrying -----------------------------------------------------------------------------------


def exported(store: Store, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return carry.export(only(store), folder, {"en": "Tiny", "zh_CN": "小"}, ("An encoder",), Errand())


def test_export_and_import_on_another_computer(store: Store, tmp_path: Path) -> None:
    put(store.roots[0])
    made = exported(store, tmp_path / "stick")
    readme = (made / "README.txt").read_text(encoding="utf-8")
    for words in ("Tiny", "小", "MIT", "An encoder", "来源", "sha256sum -c SHA256SUMS"):
        assert words in readme
    assert (made / "LICENCE.txt").read_text() == "Do as you like.\n"
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=made, check=True, capture_output=True)
    theirs = Store([tmp_path / "theirs"])
    for path in (tmp_path / "stick", made, made / "maker--tiny", made / PLACE):
        (found,) = carry.find(path)
        carry.bring(found, theirs, lambda _: None, "tiny", Errand())
        assert only(theirs).record == only(store).record
        assert tree(theirs.roots[0] / PLACE) == tree(store.roots[0] / PLACE)
        trash.remove(only(theirs), "tiny", for_good=True)
    assert code_of(lambda: exported(store, tmp_path / "stick")) == "output.unwritable"  # it is there already
    assert Store([made]).stored()  # a stick is a folder with models too


def test_what_is_here_is_not_copied_again(store: Store, tmp_path: Path) -> None:
    put(store.roots[1])
    exported(store, tmp_path / "stick")
    (found,) = carry.find(tmp_path / "stick")
    shutil.rmtree(found.folder / "tokenizer")
    assert carry.bring(found, store, lambda _: None, "tiny", Errand()) == store.roots[1] / PLACE


def _link(file: Path) -> None:
    file.symlink_to(write(file.parent.parent.parent.parent, {"secret": b"s" * len(CONTENT)}) / "secret")


EVIL = CONTENT[:-1] + b"y"
FIRST, *REST = record().files
ON_DISK: dict[str, Callable[[Path], object]] = {
    "a byte": lambda file: file.write_bytes(EVIL),
    "shorter": lambda file: file.write_bytes(CONTENT[:-1]),
    "longer": lambda file: file.write_bytes(CONTENT + b"y"),
    "missing": lambda file: None,
    "a link to elsewhere": _link,
    "a pipe": os.mkfifo,
    "a folder": lambda file: file.mkdir(),
    "record and file": lambda file: file.write_bytes(EVIL),
}


def first(**changes: object) -> dict[str, object]:
    return {"files": (msgspec.structs.replace(FIRST, **changes), *REST)}


IN_RECORD: dict[str, dict[str, object]] = {
    "record and file": first(sha256=sha256(EVIL)),  # but the list of models knows its hash
    "climbing name": first(path="../m.gguf"),
    "absolute name": first(path="/m.gguf"),
    "twice the same name": {"files": (FIRST, msgspec.structs.replace(FIRST, path="M.gguf"))},
    "the record's own name": first(path=NAME),
    "no hash": first(sha256=None),
    "negative size": first(bytes=-1),
    "climbing place": {"place": "../evil"},
    "hidden place": {"place": ".parts/evil"},
    "no id": {"ids": ()},
    "no file": {"files": ()},
}


@pytest.mark.parametrize(
    ("change", "code"),
    [(name, "model.missing_file" if name == "missing" else "model.hash_mismatch") for name in ON_DISK]
    + [(name, "model.unsafe") for name in IN_RECORD if name not in ON_DISK],
)
@pytest.mark.timeout(60)
def test_what_was_manipulated_is_refused(store: Store, tmp_path: Path, change: str, code: str) -> None:
    folder = put(tmp_path / "stick")
    if change in ON_DISK:
        (folder / "m.gguf").unlink()
        ON_DISK[change](folder / "m.gguf")
    if change in IN_RECORD:
        write_record(folder, msgspec.structs.replace(record(), **IN_RECORD[change]))
    listed_model = msgspec.structs.replace(
        record().described(), files=(ModelFile(path="m.gguf", sha256=sha256(CONTENT)),)
    )
    before = tree(tmp_path / "stick") if change != "a pipe" else {}
    (found,) = carry.find(tmp_path / "stick")
    act = lambda: carry.bring(found, store, lambda _: listed_model, "tiny", Errand())  # noqa: E731
    assert code_of(act) == code
    assert [path for root in store.roots for path in tree(root)] == []
    assert not list(tmp_path.glob("evil*"))
    if before:
        assert tree(tmp_path / "stick") == before


def test_an_honest_one_passes_the_same_gate(store: Store, tmp_path: Path) -> None:
    put(tmp_path / "stick")
    (found,) = carry.find(tmp_path / "stick")
    pinned = msgspec.structs.replace(
        record().described(), files=(ModelFile(path="m.gguf", sha256=sha256(CONTENT)),)
    )
    carry.bring(found, store, lambda _: pinned, "tiny", Errand())
    assert whole(store.stored())


def test_a_record_on_a_stick_that_is_a_root_cannot_climb(tmp_path: Path) -> None:
    """Nor can what it says was moved take anything of another root."""
    store = Store([tmp_path / "mine", tmp_path / "stick"])
    put(tmp_path / "mine")
    ready = write(tmp_path / "stick" / ".parts" / "x" / "ready", dict(FILES))
    write_record(ready, record(place="../../mine/evil"))
    evil = msgspec.json.encode({"source": f"../mine/{PLACE}", "target": str(tmp_path / "stick" / PLACE)})
    put(tmp_path / "stick")
    write(tmp_path / "stick" / ".parts" / "from-x", {"moved.json": evil})
    settle(store)
    settle(store)
    assert not (tmp_path / "mine" / "evil").exists()
    assert len(whole(store.on(tmp_path / "mine"))) == 1


# --- publishing ---------------------------------------------------------------------------------


def test_the_same_files_under_another_id_are_one_model(store: Store) -> None:
    root = store.roots[0]
    put(root, "first")
    with hold(root, "second", "x") as home:
        publish(write(home / "ready-0", dict(FILES)), root, record("second"))
    assert set(only(store).record.ids) == {"first", "second"}


def test_other_files_at_the_same_place_stay_beside(store: Store) -> None:
    """Two models that choose from one repository and call their choice the same."""
    root = store.roots[0]
    put(root, "first")
    others = {"n.gguf": CONTENT + b"n"}
    with hold(root, "second", "x") as home:
        publish(write(home / "ready-0", dict(others)), root, record("second", files=others))
    assert {stored.record.ids for stored in whole(store.stored())} == {("first",), ("second",)}
    again = {"n.gguf": CONTENT + b"newer"}
    with hold(root, "second", "x") as home:  # its own successor gives way
        publish(write(home / "ready-0", dict(again)), root, record("second", files=again))
    assert len(whole(store.stored())) == len(store.stored()) == 2


# --- usage --------------------------------------------------------------------------------------


def test_usage(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = os.urandom(2 * 2**20)
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    first, second = store.roots
    one = put(first, "one", "m--one/1", {"w": large, "t": b"tokens"})
    two = put(second, "two", "m--two/1", {"x": large, "t": b"tokens"})
    put(first)
    write(first / ".parts" / "left", {"p": b"1" * 1000})
    repo = write(cache / "models--m--cached" / "blobs", {sha256(large): large})
    commit = "1" * 40
    write(repo.parent, {"refs/main": commit.encode()})
    snapshot = repo.parent / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "w").symlink_to(repo / sha256(large))
    found = usage(store, {"one": 9.0}.get)
    assert [(each.stored.record.ids[0], each.last_used) for each in found.models] == [
        ("one", 9.0),
        ("two", None),
        ("tiny", None),
    ]
    assert found.models[0].twice == tuple(sorted((str(two), str(repo.parent))))
    assert found.models[1].twice == tuple(sorted((str(one), str(repo.parent))))
    assert found.models[2].twice == ()
    (drive,) = found.drives  # both roots are on one
    assert drive.models == sum(each.bytes for each in found.models) + 1000
    assert drive.total > drive.free > 0
    assert [(each.repo, each.bytes) for each in found.cache] == [("m/cached", len(large))]
    assert [each.bytes for each in found.leftovers] == [1000]


def test_errands_tell_and_stop_across_threads() -> None:
    errand = Errand()
    errand.begin(10)
    thread = threading.Thread(target=errand.stop)
    thread.start()
    thread.join()
    with pytest.raises(Cancelled):
        errand.step(1)


def test_read_record_of_nothing(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
