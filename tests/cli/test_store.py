"""The terminal looks after models: every verb in words and as JSON, on a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.cli.main import run
from studio.services.store.leftovers import leftovers
from studio.services.store.store import Store
from tests.cli.terminal import command, environment
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import write
from tests.services.shops import COMMIT, REPO, TARGET, Shop, sha256
from tests.services.stored_models import CONTENT, FILES, PLACE, put, put_old, tree


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no cache"))
    (tmp_path / "home" / "models").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """What the command answers with --json."""
    assert run(["models", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def words(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["models", *arguments]) == code
    told = capsys.readouterr()
    return told.out + told.err


def test_old_folders_are_renamed_by_the_first_command(home: Path, capsys) -> None:
    put_old(home / "models", "hand-made")
    (found,) = said(capsys, "verify")
    assert (found["id"], found["whole"]) == ("hand-made", True)
    assert found["folder"] == str(home / "models" / f"{PLACE}+hand-made")


def test_verify(home: Path, capsys) -> None:
    folder = put(home / "models")
    assert "tiny  whole; files: 3" in words(capsys, "verify")
    (folder / "m.gguf").write_bytes(CONTENT[:-1])
    write(folder, {"more.txt": b"1"})
    (found,) = said(capsys, "verify", "tiny", code=1)
    states = {file["path"]: file["state"] for file in found["files"]}
    assert states == {
        "m.gguf": "changed",
        "tokenizer/words.json": "right",
        "empty.txt": "right",
        "more.txt": "extra",
    }
    told = words(capsys, "verify", "tiny", code=1)
    assert "changed: m.gguf" in told
    assert "models repair tiny" in told
    assert said(capsys, "verify", "starter-icons")[0]["whole"]  # it came with the program
    assert said(capsys, "verify", "nobody", code=1)["error"]["code"] == "model.missing"


def test_show(home: Path, capsys) -> None:
    put(home / "models")
    shown = said(capsys, "show", "tiny")
    assert shown["records"][0]["licence"]["text"] == "Do as you like.\n"
    assert shown["installed"]["root"] == str(home / "models")
    told = words(capsys, "show", "tiny")
    for each in ("https://example.org/maker/tiny", "c0ffee" * 6 + "c0ff", "MIT, 1970-01-01"):
        assert each in told


def test_roots_and_move(home: Path, tmp_path: Path, capsys) -> None:
    put(home / "models")
    other = tmp_path / "other"
    assert said(capsys, "roots", "--add", str(other), code=1)["error"]["code"] == "disk.away"
    other.mkdir()
    error = said(capsys, "move", "tiny", str(other), code=1)["error"]
    assert f"models roots --add {other}" in error["hint"]
    assert said(capsys, "roots", "--add", str(other))[1] == {"path": str(other), "there": True}
    moved = said(capsys, "move", "tiny", str(other))
    assert moved == {"id": "tiny", "folders": [str(other / PLACE)]}
    assert set(tree(other / PLACE)) == {*FILES, ".studio.json"}
    other.rename(tmp_path / "unplugged")
    drives = said(capsys, "du")["drives"]
    assert [(drive["there"], drive["titles"]) for drive in drives] == [(True, []), (False, ["tiny"])]
    assert "Not there now" in words(capsys, "du")
    (tmp_path / "unplugged").rename(other)
    assert [model["id"] for model in said(capsys, "du")["models"]] == ["tiny"]
    assert len(said(capsys, "roots", "--forget", str(other))) == 1
    assert said(capsys, "du")["models"] == []
    assert (other / PLACE).exists()


def test_export_and_import(home: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    put(home / "models")
    stick = tmp_path / "stick"
    assert said(capsys, "export", "tiny", str(stick), code=1)["error"]["code"] == "disk.away"
    stick.mkdir()
    made = Path(said(capsys, "export", "tiny", str(stick))["folder"])
    assert (made / "README.txt").is_file()
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "another computer"))
    (brought,) = said(capsys, "import", str(stick))
    assert brought == {"id": "tiny", "folder": str(tmp_path / "another computer" / "models" / PLACE)}
    assert "tiny" in [model["id"] for model in said(capsys, "list") if model["installed"]]
    own = write(tmp_path / "own", {"m.gguf": CONTENT})
    assert said(capsys, "import", str(own / "m.gguf"))[0]["id"] == str(own / "m.gguf")  # used where it lies
    assert said(capsys, "import", str(tmp_path / "nothing"), code=1)["error"]["code"] == "model.missing"


def test_remove(home: Path, capsys, monkeypatch) -> None:
    put(home / "models")
    assert said(capsys, "remove", "tiny") == {"id": "tiny", "trashed": True}
    assert said(capsys, "remove", "tiny", code=1)["error"]["code"] == "model.missing"
    assert said(capsys, "remove", "starter-icons", code=2)["error"]["code"] == "param.invalid"

    def nothing(_: object) -> None:
        raise OSError("no trash here")

    monkeypatch.setattr("send2trash.send2trash", nothing)
    folder = put(home / "models")
    error = said(capsys, "remove", "tiny", code=1)["error"]
    assert (error["code"], error["hint"]) == ("disk.no_trash", "--yes deletes it for good.")
    assert folder.exists()
    assert "is removed" in words(capsys, "remove", "tiny", "--yes")
    assert not folder.exists()


def test_orphans(home: Path, capsys) -> None:
    assert "Nothing is left over" in words(capsys, "orphans")
    write(home / "models" / ".parts" / "half", {"p": b"x" * 5000})
    (found,) = said(capsys, "orphans")["leftovers"]
    assert (found["name"], found["bytes"]) == ("half", 5000)
    assert "models orphans" in words(capsys, "du")
    assert "5 kB are free again" in words(capsys, "orphans", "--free")
    assert said(capsys, "orphans") == {"leftovers": [], "freed": 0}


def test_repair(home: Path, tmp_path: Path, capsys, server: FileServer, monkeypatch) -> None:
    """The model's own description says where it came from; the list of this version does not have it."""
    import msgspec

    from studio.domain.model import Hub
    from studio.services.store.record import read_record, write_record

    shop = Shop(tmp_path, server, monkeypatch)
    folder = put(home / "models", files={TARGET: shop.content})
    record = read_record(folder)
    model = msgspec.structs.replace(record.described(), sources=(Hub(repo=REPO, files=(TARGET,)),))
    origin = {"origin": f"{server.url}/{REPO}", "commit": COMMIT}
    write_record(
        folder, msgspec.structs.replace(record, model=msgspec.Raw(msgspec.json.encode(model)), **origin)
    )
    assert said(capsys, "repair", "tiny")[0]["fetched"] == []
    (folder / TARGET).write_bytes(b"broken")
    assert run(["models", "repair", "tiny", "--json"], offline=True) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "download.offline"
    assert said(capsys, "repair", "tiny")[0]["fetched"] == [TARGET]
    assert sha256((folder / TARGET).read_bytes()) == sha256(shop.content)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_it_where_it_was(home: Path, tmp_path: Path) -> None:
    """While gigabytes are copied to another drive; here every piece waits."""
    put(home / "models", files={"large": os.urandom(4_000_000)})
    other = tmp_path / "other"
    other.mkdir()
    program = (
        "import sys, time\n"
        "from studio.services.store import copying, errand, room\n"
        "room.same_drive = lambda *_: False\n"
        "copying.CHUNK = 1000\n"
        "step = errand.Errand.step\n"
        "def slow(self, size):\n"
        "    time.sleep(0.01)\n"
        "    step(self, size)\n"
        "errand.Errand.step = slow\n"
        "from studio.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    (home / "config").mkdir()
    (home / "config" / "settings.json").write_text(json.dumps({"model_roots": [str(other)]}))
    process = subprocess.Popen(
        [sys.executable, "-c", program, *command("models", "move", "tiny", str(other))[3:]],
        env=environment(STUDIO_HOME=str(home)),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list((other / ".parts").glob("*/ready/large")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    store = Store([home / "models", other])
    assert [stored.root for stored in store.stored()] == [home / "models"]
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "verb", ["verify", "repair", "move", "export", "import", "remove", "du", "orphans", "roots"]
)
def test_help_in_both_languages(verb: str, capsys, home: Path) -> None:
    for language in ("en", "zh_CN"):
        (home / "config").mkdir(exist_ok=True)
        (home / "config" / "settings.json").write_text(json.dumps({"language": language}))
        assert run(["models", verb, "--help"]) == 0
        told = capsys.readouterr().out
        assert "cli." not in told
        assert "--json" in told
