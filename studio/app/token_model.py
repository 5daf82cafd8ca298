"""What is known of the user's tokens: where each is kept, and what the hub says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from studio.app.background import Background, failure_of
from studio.app.desk import Desk
from studio.app.observable import Property
from studio.services.downloads.findings import Access
from studio.services.tokens import ENDPOINTS, PROXY

KINDS = tuple(ENDPOINTS)


class TokensModel:
    """`places`: by kind, a key of the catalogue; "" until looked. `access`: the hub's last word."""

    def __init__(self, desk: Desk) -> None:
        self._studio = desk.studio
        self.places: Property[dict[str, str]] = Property(dict.fromkeys((*KINDS, PROXY), ""))
        self.checking: Property[bool] = Property(False)
        self.access: Property[Access | None] = Property(None)
        self._background = Background("the tokens", lambda error: desk.complain(failure_of(error)))

    def close(self) -> None:
        self._background.close()

    def look(self) -> None:
        """Where each is kept, into `places`."""
        self._background.start(self._look())

    def keep(self, kind: str, value: str) -> None:
        self._background.start(self._then_look(lambda: self._studio.tokens.set(kind, value)))

    def forget(self, kind: str) -> None:
        self._background.start(self._then_look(lambda: self._studio.tokens.remove(kind)))

    def check(self, repo: str = "") -> None:
        """Ask the hub what the token is good for, into `access`; for *repo*, "" only whose it is."""
        if not self.checking.value:
            self.checking.value, self.access.value = True, None
            self._background.start(self._check(repo))

    async def _check(self, repo: str) -> None:
        try:
            self.access.value = await self._studio.check_access(repo)
        finally:
            self.checking.value = False

    async def _then_look(self, act: Callable[[], object]) -> None:
        await asyncio.to_thread(act)
        self.access.value = None
        await self._look()

    async def _look(self) -> None:
        self.places.value = await asyncio.to_thread(self._find)

    def _find(self) -> dict[str, str]:
        tokens = self._studio.tokens
        found = {kind: tokens.find(kind) for kind in KINDS}
        places = {kind: f"token.place.{token.place if token else 'none'}" for kind, token in found.items()}
        kept = tokens.proxy_place() if tokens.proxy_password() else "none"
        return {**places, PROXY: f"token.place.{kept}"}
