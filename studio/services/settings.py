"""What the user chose once for all: a frozen struct, kept in one file that is always whole."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from studio.domain.failure import StudioError
from studio.services.event import Event
from studio.services.paths import Paths
from studio.wire import files

log = logging.getLogger(__name__)


_ADDRESS = r"(https://[^\s/@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?)(/[^\s?#]*)?"
Mirror = Annotated[str, Meta(pattern=rf"^(hub|hf-mirror|modelscope|{_ADDRESS})$")]


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`language`: "" follows the system. `outputs` and `models`: folders, "" for the usual place.
    `model_roots`: further folders with models, such as on other drives; new ones go to `models`.

    `idle_unload_seconds`: the engine forgets a model not used for so long; 0 is never.
    `ai_label`: results carry the label for AI-made content. `device` and `threads` are the defaults
    of a request. `bandwidth`: bytes a second for all downloads together, 0 without limit.
    `shortcuts`: keys that the user changed, by action. `welcomed`: the first start is over.

    Of the network: `mirrors` in the order to ask, names of `route.MIRRORS` or addresses; none is automatic.
    `proxy`: "" as the system says, "none", or an address, a user's name in it but no password.
    `package_index`: "" as pip is set up.
    """

    language: Literal["", "en", "zh_CN"] = ""
    theme: Literal["system", "light", "dark"] = "system"
    outputs: str = ""
    models: str = ""
    model_roots: tuple[str, ...] = ()
    offline: bool = False
    idle_unload_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 900
    keep_awake: bool = True
    notify: bool = True
    ai_label: bool = True
    device: Annotated[str, Meta(pattern=r"^(auto|cpu|mps|(cuda|xpu):\d{1,2})$")] = "auto"
    threads: Annotated[int, Meta(ge=0, le=1024)] = 0
    bandwidth: Annotated[int, Meta(ge=0, le=10**12)] = 0
    shortcuts: dict[str, str] = {}
    welcomed: bool = False
    mirrors: tuple[Mirror, ...] = ()
    proxy: Annotated[str, Meta(pattern=r"^(none|(https?|socks5h?)://([^\s/@:]+@)?[^\s/@?#]+/?)?$")] = ""
    package_index: Annotated[str, Meta(pattern=rf"^({_ADDRESS})?$")] = ""


class SettingsStore:
    """The settings in use. `aside` is where a file that could not be read was kept, None normally."""

    def __init__(self, paths: Paths) -> None:
        self._file = paths.config / "settings.json"
        self.changed: Event[Settings] = Event()
        self.aside: Path | None = None
        self.value = self._read()

    def change(self, **changes: Any) -> Settings:
        """Set the named fields, save, and tell. Raises StudioError `param.invalid`, OSError."""
        # What another process on the same home has set meanwhile stays set.
        fields = {**msgspec.structs.asdict(self._read()), **changes}
        unknown = changes.keys() - msgspec.structs.asdict(self.value).keys()
        if unknown:
            raise TypeError(f"no such setting: {sorted(unknown)}")
        try:
            value = msgspec.convert(fields, Settings)
        except msgspec.ValidationError as error:
            reason = f"settings.takes.{next(iter(changes))}"
            raise StudioError(
                "param.invalid", name=", ".join(changes), reason=reason, details=str(error)
            ) from error
        if value != self.value:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write(self._file, msgspec.json.format(msgspec.json.encode(value)))
            self.value = value
            self.changed.emit(value)
        return self.value

    def catch_up(self) -> None:
        """Notice what another process on the same home has set."""
        value = self._read()
        if value != self.value:
            self.value = value
            self.changed.emit(value)

    def _read(self) -> Settings:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return Settings()
        try:
            return msgspec.json.decode(data, type=Settings)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.aside = set_aside(self._file)
            log.warning("the settings could not be read and are kept as %s: %s", self.aside, error)
            return Settings()


def set_aside(file: Path) -> Path:
    """Rename a file that cannot be read, so that nothing in it is lost. Raises OSError."""
    aside = file.with_name(f"{file.stem}.broken-{time.time_ns()}{file.suffix}")
    return file.rename(aside)
