"""The tokens that open gated models: the user's, kept here, or found where every program looks for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio.services import scrub
from studio.services.downloads.route import HUB, MODELSCOPE
from studio.services.secrets import Secrets

Place = Literal["keyring", "file", "environment", "login"]

ENDPOINTS = {"hub": HUB, "modelscope": MODELSCOPE}
"""What a token is for, and where it may go."""

_VARIABLES = {"hub": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), "modelscope": ("MODELSCOPE_API_TOKEN",)}
PROXY = "proxy"


class Token(Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """`place`: where it is kept. "login": the file that the hub's own program left."""

    value: str
    place: Place

    def __repr__(self) -> str:  # never by accident in a log
        return f"Token(place={self.place!r})"


class Tokens:
    """Every method may wait for the keyring: call it in a thread. Raises OSError for unusable files."""

    def __init__(self, secrets: Secrets, environment: Mapping[str, str] = os.environ) -> None:
        self._secrets, self._environment = secrets, environment

    def find(self, name: str) -> Token | None:
        """That of *name*, a key of ENDPOINTS: from the environment, our own, the hub's program's."""
        for variable in _VARIABLES[name]:
            if value := self._environment.get(variable, "").strip():
                return _known(value, "environment")
        if value := self._secrets.get(name):
            return _known(value, self._secrets.where(name))
        if name == "hub" and (value := _read(login_file(self._environment))):
            return _known(value, "login")
        return None

    def by_endpoint(self) -> dict[str, str]:
        """Every token by the address that it belongs to."""
        found = {name: self.find(name) for name in ENDPOINTS}
        return {ENDPOINTS[name]: token.value for name, token in found.items() if token}

    def proxy_password(self) -> str | None:
        return self._secrets.get(PROXY)

    def proxy_place(self) -> Literal["keyring", "file"]:
        """Where that is kept."""
        return self._secrets.where(PROXY)

    def set(self, name: str, value: str) -> Literal["keyring", "file"]:
        """Keep it, and say where."""
        return self._secrets.set(name, value.strip())

    def remove(self, name: str) -> None:
        self._secrets.remove(name)


def login_file(environment: Mapping[str, str]) -> Path:
    """Where the hub's own program keeps its token: HF_TOKEN_PATH, or below HF_HOME."""
    if path := environment.get("HF_TOKEN_PATH", "").strip():
        return Path(path).expanduser()
    cache = environment.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    home = environment.get("HF_HOME", "").strip() or f"{cache}/huggingface"
    return Path(home).expanduser() / "token"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return ""


def _known(value: str, place: Place) -> Token:
    scrub.hide(value)
    return Token(value=value, place=place)
