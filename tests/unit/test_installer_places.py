"""Menu entries, what is missing on a system, and taking everything away again."""

from __future__ import annotations

import base64
import io
import plistlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from installer import libraries, shortcut, uninstall


def test_linux_entry(tmp_path: Path) -> None:
    data = tmp_path / "data"
    entry = shortcut.linux(Path("/opt/My Studio/100%/$x/.venv/bin/python"), data)
    lines = entry.read_text(encoding="utf-8").splitlines()
    assert r'Exec="/opt/My Studio/100%%/\\$x/.venv/bin/python" -m studio' in lines
    assert (data / "icons/hicolor/48x48/apps/aigc-studio.png").read_bytes().startswith(b"\x89PNG")
    assert (data / "icons/hicolor/scalable/apps/aigc-studio.svg").exists()
    if validator := shutil.which("desktop-file-validate"):
        subprocess.run([validator, entry], check=True)


def test_mac_application(tmp_path: Path) -> None:
    bundle = shortcut.mac(Path("/Users/me/My Studio/.venv/bin/python"), tmp_path)
    description = plistlib.loads((bundle / "Contents/Info.plist").read_bytes())
    script = bundle / "Contents/MacOS" / description["CFBundleExecutable"]
    assert script.stat().st_mode & 0o111
    assert "exec '/Users/me/My Studio/.venv/bin/python' -m studio" in script.read_text()
    icon = (bundle / "Contents/Resources" / description["CFBundleIconFile"]).read_bytes()
    assert icon[:4] == b"icns"
    assert struct.unpack(">I", icon[4:8])[0] == len(icon)


def test_windows_script_quotes_paths() -> None:
    script = shortcut.windows_script(Path("C:/O'Neil's/AIGC Studio.lnk"), Path("C:/工作室/pythonw.exe"))
    assert "CreateShortcut('C:/O''Neil''s/AIGC Studio.lnk')" in script
    assert "TargetPath = 'C:/工作室/pythonw.exe'" in script
    encoded = base64.b64encode(script.encode("utf-16-le"))
    assert base64.b64decode(encoded).decode("utf-16-le") == script


def test_the_icons_are_what_their_names_say() -> None:
    for size in (16, 32, 48, 64, 128, 256, 512):
        head = (shortcut.ICONS / f"studio-{size}.png").read_bytes()[:24]
        assert struct.unpack(">II", head[16:24]) == (size, size)
    reserved, kind, count = struct.unpack("<HHH", (shortcut.ICONS / "studio.ico").read_bytes()[:6])
    assert (reserved, kind) == (0, 1)
    assert count >= 5


@pytest.mark.skipif(not hasattr(libraries.os, "geteuid"), reason="for Linux")
def test_missing_libraries_are_named() -> None:
    assert libraries.missing_libraries(["libc.so.6", "libnowhere.so.9"]) == ["libnowhere.so.9"]
    assert libraries.packages_of(["libEGL.so.1", "Xvfb", "fonts-noto-cjk"]) == [
        "fonts-noto-cjk",
        "libegl1",
        "xvfb",
    ]


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "sudo apt-get install libegl1 libxcb-cursor0"),
        ("dnf", "sudo dnf install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)'"),
        ("zypper", "sudo zypper install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)'"),
        ("pacman", "libEGL.so.1 libxcb-cursor.so.0"),
    ],
)
def test_the_command_is_the_distributions(
    monkeypatch: pytest.MonkeyPatch, manager: str, command: str
) -> None:
    monkeypatch.setattr(
        libraries.shutil, "which", lambda name: f"/usr/bin/{name}" if name == manager else None
    )
    assert libraries.command_for(["libEGL.so.1", "libxcb-cursor.so.0"]) == command


def test_no_display_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert libraries.no_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert not libraries.no_display()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A studio with an environment, settings, one model and one result."""
    for name in (
        "venv/bin/python",
        "config/settings.json",
        "data/library.db",
        "data/models/m/w.gguf",
        "out/a.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 1000)
    folders = {"config": "config", "data": "data", "models": "data/models", "outputs": "out", "logs": "logs"}
    monkeypatch.setattr(uninstall, "VENV", tmp_path / "venv")
    monkeypatch.setattr(uninstall.shortcut, "existing", list)
    monkeypatch.setattr(
        uninstall, "studio_folders", lambda: {name: tmp_path / path for name, path in folders.items()}
    )
    return tmp_path


def _answer(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))


def test_uninstall_without_a_keyboard_removes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch)
    before = sorted(home.rglob("*"))
    assert uninstall.uninstall() == 0
    assert sorted(home.rglob("*")) == before


def test_uninstall_keeps_models_and_results_unless_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, "y", "n", "n")
    uninstall.uninstall()
    left = {file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file()}
    assert left == {"data/models/m/w.gguf", "out/a.png"}


def test_uninstall_asks_for_each(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, "n", "y", "n")
    uninstall.uninstall()
    assert (home / "venv").exists()
    assert (home / "data/library.db").exists()
    assert not (home / "data/models").exists()
    assert (home / "out/a.png").exists()


def test_uninstall_lists_before_it_asks(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _answer(monkeypatch)
    uninstall.uninstall()
    said = capsys.readouterr().err
    question = said.index("[y/N]")
    for name in ("venv", "config", "data"):
        assert 0 <= said.index(str(home / name)) < question


def test_uninstall_does_not_follow_links(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(precious)
    assert uninstall.size_of(folder) < 1000
    uninstall.remove(folder)
    assert (precious / "file").exists()
