from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from studio.services import scrub
from studio.services.logs import Log
from studio.services.paths import Paths
from studio.services.secrets import Secrets


class DictKeyring(keyring.backend.KeyringBackend):
    """A real backend, in memory. `locked`: as one whose owner pressed Cancel."""

    priority = 1  # type: ignore[assignment]

    def __init__(self, *, locked: bool = False) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = locked

    def _check(self) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.entries[service, username]


@pytest.fixture(autouse=True)
def own_keyring() -> Iterator[None]:
    before, hidden = keyring.get_keyring(), set(scrub._secrets)
    yield
    keyring.set_keyring(before)
    scrub._secrets.clear()
    scrub._secrets.update(hidden)


def test_the_keyring_takes_it(tmp_path: Path) -> None:
    backend = DictKeyring()
    keyring.set_keyring(backend)
    secrets = Secrets(Paths.under(tmp_path))
    assert secrets.place == "keyring"
    assert secrets.set("hub", "hf_abcdefghijkl") == "keyring"
    assert secrets.get("hub") == "hf_abcdefghijkl"
    assert list(tmp_path.rglob("*.json")) == []
    secrets.remove("hub")
    assert secrets.get("hub") is None
    assert backend.entries == {}


@pytest.mark.logs
@pytest.mark.logs
@pytest.mark.parametrize("backend", [NoKeyring(), DictKeyring(locked=True)], ids=["none", "locked"])
def test_else_a_private_file_and_says_so(tmp_path: Path, backend: keyring.backend.KeyringBackend) -> None:
    keyring.set_keyring(backend)
    secrets = Secrets(Paths.under(tmp_path))
    assert secrets.set("hub", "hf_abcdefghijkl") == "file"
    assert secrets.get("hub") == "hf_abcdefghijkl"
    file = tmp_path / "config" / "secrets.json"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets.remove("hub")
    secrets.remove("hub")
    assert secrets.get("hub") is None
    assert not file.exists()


def test_moving_into_the_keyring_leaves_no_copy_in_the_file(tmp_path: Path) -> None:
    keyring.set_keyring(NoKeyring())
    secrets = Secrets(Paths.under(tmp_path))
    secrets.set("hub", "hf_abcdefghijkl")
    keyring.set_keyring(DictKeyring())
    assert secrets.get("hub") == "hf_abcdefghijkl"
    secrets.set("hub", "hf_mnopqrstuvw")
    assert secrets.get("hub") == "hf_mnopqrstuvw"
    assert not (tmp_path / "config" / "secrets.json").exists()


@pytest.mark.logs
@pytest.mark.logs
def test_a_secret_never_reaches_the_log(tmp_path: Path) -> None:
    keyring.set_keyring(NoKeyring())
    paths = Paths.under(tmp_path)
    secret = "no pattern knows-this one 密"
    Secrets(paths).set("hub", secret)
    log = Log(paths, "test")
    log.start()
    try:
        logging.getLogger("a.library").warning("sent %s to the hub", secret)
        try:
            raise ValueError(secret)
        except ValueError:
            logging.getLogger("a.library").exception("refused")
    finally:
        log.end()
    text = log.file.read_text(encoding="utf-8")
    assert "sent [hidden] to the hub" in text
    assert "ValueError: [hidden]" in text
    assert secret not in text
