"""Where other programs keep their models, by what their folders look like and where they are by default."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

HUB, OLLAMA, COMFY, WEBUI, FORGE = "Hugging Face", "Ollama", "ComfyUI", "Stable Diffusion WebUI", "Forge"
LM_STUDIO, JAN, GPT4ALL = "LM Studio", "Jan", "GPT4All"


class Spot(Struct, frozen=True):
    """A folder to look through. `program`: whose it is, empty for one of the user's own."""

    program: str
    folder: Path


def defaults(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform, home: Path | None = None
) -> list[Spot]:
    """The folders that are there of those that programs use when nothing is set otherwise, each once."""
    home = home or Path.home()
    local = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    support = home / "Library" / "Application Support"
    share = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    data = {"win32": roaming, "darwin": support}.get(platform, share)
    hub = Path(environment.get("HF_HOME") or cache / "huggingface")
    guesses = [
        (HUB, Path(environment.get("HF_HUB_CACHE") or hub / "hub")),
        (HUB, hub / "transformers"),
        (HUB, hub / "diffusers"),
        (OLLAMA, Path(environment.get("OLLAMA_MODELS") or home / ".ollama" / "models")),
        (OLLAMA, Path("/usr/share/ollama/.ollama/models")),
        (LM_STUDIO, home / ".lmstudio" / "models"),
        (LM_STUDIO, home / ".cache" / "lm-studio" / "models"),
        (JAN, data / "Jan" / "data"),
        (JAN, home / "jan"),
        (GPT4ALL, {"win32": local, "darwin": support}.get(platform, share) / "nomic.ai" / "GPT4All"),
    ]
    for parent in (home, home / "Documents", home / "AI", home / "Desktop"):
        guesses += [
            (COMFY, parent / "ComfyUI"),
            (COMFY, parent / "ComfyUI_windows_portable" / "ComfyUI"),
            (WEBUI, parent / "stable-diffusion-webui"),
            (FORGE, parent / "stable-diffusion-webui-forge"),
            (FORGE, parent / "webui_forge" / "webui"),
        ]
    found: dict[Path, Spot] = {}
    for program, folder in guesses:
        if _is_folder(folder):
            found.setdefault(folder.resolve(), Spot(program, folder))
    return list(found.values())


def spot_of(folder: Path) -> Spot:
    """A folder that the user chose: a program's, if it looks like it."""

    def has(*names: str) -> bool:
        return all((folder / name).exists() for name in names)

    if has("manifests", "blobs"):
        return Spot(OLLAMA, folder)
    if has("models", "comfy") or has("extra_model_paths.yaml") or has("models/checkpoints", "models/loras"):
        return Spot(COMFY, folder)
    if has("models/Stable-diffusion"):
        return Spot(FORGE if has("modules_forge") else WEBUI, folder)
    try:
        if any(each.name.startswith("models--") for each in folder.iterdir()):
            return Spot(HUB, folder)
    except OSError:  # whoever looks through it says so
        return Spot("", folder)
    return Spot("", folder)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
