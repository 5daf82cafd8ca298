"""An entry in the start menu, the application menu or the applications folder, with the icon."""

from __future__ import annotations

import base64
import os
import plistlib
import shlex
import shutil
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from installer.say import Problem
from installer.venv import ROOT

ICONS = ROOT / "assets" / "icons"
NAME = "AIGC Studio"
_ID = "aigc-studio"
_SIZES = (16, 32, 48, 64, 128, 256, 512)


def create(python: Path) -> Path:
    """Add the entry that starts the studio with *python*. Returns where it lies. Raises Problem."""
    try:
        if sys.platform == "win32":
            return _windows(python)
        if sys.platform == "darwin":
            return mac(python, Path.home() / "Applications")
        return linux(python, data_home())
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem("shortcut", detail=error) from error


def existing() -> list[Path]:
    """What `create` may have left on this system."""
    if sys.platform == "win32":
        places = [windows_path(os.environ)]
    elif sys.platform == "darwin":
        places = [Path.home() / "Applications" / f"{NAME}.app"]
    else:
        places = [data_home() / "applications" / f"{_ID}.desktop", *linux_icons(data_home()).values()]
    return [place for place in places if place.exists()]


# ------------------------------------------------------------------------------------------ Linux


def data_home() -> Path:
    """`$XDG_DATA_HOME`, which must be absolute to count."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".local" / "share"


def linux_icons(data: Path) -> dict[Path, Path]:
    """Icon in this checkout -> its place in the icon theme under *data*."""
    theme = data / "icons" / "hicolor"
    icons = {
        ICONS / f"studio-{size}.png": theme / f"{size}x{size}" / "apps" / f"{_ID}.png" for size in _SIZES
    }
    return icons | {ICONS / "studio.svg": theme / "scalable" / "apps" / f"{_ID}.svg"}


def linux(python: Path, data: Path) -> Path:
    """A desktop entry and its icons under *data*."""
    for source, target in linux_icons(data).items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    entry = data / "applications" / f"{_ID}.desktop"
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(desktop_entry(python), encoding="utf-8")
    if shutil.which("update-desktop-database"):
        subprocess.run(["update-desktop-database", "-q", entry.parent], check=False)
    return entry


def desktop_entry(python: Path) -> str:
    """The text of the entry. A path with spaces or quotes is quoted as the desktop specification asks."""
    escaped = str(python)
    for character in ("\\", '"', "`", "$"):
        escaped = escaped.replace(character, f"\\{character}")
    # Once more, because the whole line is a string in which a backslash escapes.
    command = f'"{escaped}" -m studio'.replace("\\", "\\\\").replace("%", "%%")
    return "\n".join(
        (
            "[Desktop Entry]",
            "Type=Application",
            f"Name={NAME}",
            "Comment=Write, draw and speak with models on your own computer",
            "Comment[zh_CN]=用自己电脑上的模型写作、绘画、朗读",
            f"Exec={command}",
            f"Icon={_ID}",
            "Terminal=false",
            "Categories=Graphics;AudioVideo;Utility;",
            f"StartupWMClass={_ID}",
            "",
        )
    )


# ------------------------------------------------------------------------------------------ Windows


def windows_path(environment: Mapping[str, str]) -> Path:
    """The link in the user's start menu."""
    return Path(environment["APPDATA"], "Microsoft", "Windows", "Start Menu", "Programs", f"{NAME}.lnk")


def _windows(python: Path) -> Path:
    link = windows_path(os.environ)
    script = windows_script(link, python.with_name("pythonw.exe"))
    # Encoded, so that no path can be read as part of the script by the shell in between.
    encoded = base64.b64encode(script.encode("utf-16-le")).decode()
    subprocess.run(["powershell", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded], check=True)
    return link


def windows_script(link: Path, python: Path) -> str:
    """The PowerShell that writes *link*."""

    def quoted(value: object) -> str:
        return "'" + str(value).replace("'", "''") + "'"

    return "\n".join(
        (
            "$ErrorActionPreference = 'Stop'",
            f"$link = (New-Object -ComObject WScript.Shell).CreateShortcut({quoted(link)})",
            f"$link.TargetPath = {quoted(python)}",
            "$link.Arguments = '-m studio'",
            f"$link.WorkingDirectory = {quoted(ROOT)}",
            f"$link.IconLocation = {quoted(ICONS / 'studio.ico')}",
            "$link.Save()",
        )
    )


# ------------------------------------------------------------------------------------------ mac


def mac(python: Path, applications: Path) -> Path:
    """An application folder that holds a script, a description and the icon."""
    bundle = applications / f"{NAME}.app"
    contents = bundle / "Contents"
    for folder in ("MacOS", "Resources"):
        (contents / folder).mkdir(parents=True, exist_ok=True)
    script = contents / "MacOS" / _ID
    script.write_text(f"#!/bin/sh\nexec {shlex.quote(str(python))} -m studio\n", encoding="utf-8")
    script.chmod(0o755)
    (contents / "Resources" / "studio.icns").write_bytes(icns())
    description = {
        "CFBundleName": NAME,
        "CFBundleDisplayName": NAME,
        "CFBundleIdentifier": "io.github.aigc-studio",
        "CFBundleExecutable": _ID,
        "CFBundleIconFile": "studio.icns",
        "CFBundlePackageType": "APPL",
        "NSHighResolutionCapable": True,
    }
    (contents / "Info.plist").write_bytes(plistlib.dumps(description))
    return bundle


def icns() -> bytes:
    """The icon in Apple's container: four letters, length, PNG, for each size."""
    kinds = {"ic07": 128, "ic08": 256, "ic09": 512}
    parts = b""
    for kind, size in kinds.items():
        png = (ICONS / f"studio-{size}.png").read_bytes()
        parts += kind.encode() + struct.pack(">I", len(png) + 8) + png
    return b"icns" + struct.pack(">I", len(parts) + 8) + parts
