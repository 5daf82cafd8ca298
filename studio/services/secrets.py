"""Passwords and tokens: in the system's keyring, else in a file that only the user can read.

They are never put into logs: whatever is read or set here is also told to `scrub`.
"""

from __future__ import annotations

import logging
from typing import Literal

import msgspec

from studio.services import scrub
from studio.services.paths import Paths
from studio.wire import files

log = logging.getLogger(__name__)

_SERVICE = "aigc-studio"


class Secrets:
    """Secrets by name. Every method may wait for the keyring: call it in a thread.

    `place` says where a new one goes, so that the window can tell the user the truth.
    """

    def __init__(self, paths: Paths) -> None:
        self._file = paths.config / "secrets.json"

    @property
    def place(self) -> Literal["keyring", "file"]:
        import keyring.backends.fail

        backend = keyring.get_keyring()
        return "file" if isinstance(backend, keyring.backends.fail.Keyring) else "keyring"

    def get(self, name: str) -> str | None:
        """The secret, None when there is none. Raises OSError."""
        secret = self._from_keyring(name) or self._read().get(name)
        if secret:
            scrub.hide(secret)
        return secret

    def where(self, name: str) -> Literal["keyring", "file"]:
        """Where the secret of that name is kept. Raises OSError."""
        return "file" if name in self._read() else "keyring"

    def set(self, name: str, secret: str) -> Literal["keyring", "file"]:
        """Keep *secret*, and say where. Raises OSError."""
        scrub.hide(secret)
        if self.place == "keyring" and self._to_keyring(name, secret):
            self._write({key: value for key, value in self._read().items() if key != name})
            return "keyring"
        self._write({**self._read(), name: secret})
        return "file"

    def remove(self, name: str) -> None:
        """Forget it, wherever it is. Harmless when there is none. Raises OSError."""
        import keyring
        import keyring.errors

        if self._from_keyring(name) is not None:
            try:
                keyring.delete_password(_SERVICE, name)
            except keyring.errors.KeyringError as error:
                log.warning("the keyring kept a secret: %s", type(error).__name__)
        self._write({key: value for key, value in self._read().items() if key != name})

    def _from_keyring(self, name: str) -> str | None:
        import keyring
        import keyring.errors

        try:
            return keyring.get_password(_SERVICE, name)
        except keyring.errors.KeyringError as error:  # locked, or there is none
            log.info("the keyring did not answer: %s", type(error).__name__)
            return None

    def _to_keyring(self, name: str, secret: str) -> bool:
        import keyring
        import keyring.errors

        try:
            keyring.set_password(_SERVICE, name, secret)
        except keyring.errors.KeyringError as error:
            log.warning("the keyring refused a secret, a file takes it: %s", type(error).__name__)
            return False
        return True

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError:
            log.warning("the file of secrets cannot be read and will be replaced")
            return {}

    def _write(self, secrets: dict[str, str]) -> None:
        if not secrets:
            self._file.unlink(missing_ok=True)
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        files.write(self._file, msgspec.json.encode(secrets), mode=0o600)
