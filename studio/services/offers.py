"""From a name that the user gives to a model that is being fetched, its licence accepted."""

from __future__ import annotations

import asyncio

import msgspec

from studio.domain.failure import StudioError
from studio.domain.model import Hub, Model, choices_of, in_variant
from studio.domain.text import localized
from studio.services.downloads.downloads import Downloads
from studio.services.downloads.pasted import understand
from studio.services.downloads.remote import Remote
from studio.services.downloads.route import HUB, MODELSCOPE
from studio.services.library.library import Library
from studio.services.library.ordered import Ordered, order_of
from studio.services.licences import of_tag, text_of


class Offers:
    """Used from one asyncio loop."""

    def __init__(self, library: Library, remote: Remote, downloads: Downloads) -> None:
        self._library, self._remote, self._downloads = library, remote, downloads

    async def offer(self, name: str, *, variant: str = "", treat_as: str = "") -> Model:
        """The model that *name* means, known to the library from now on so that it can be fetched.

        *name*: an id of the library, or what `remote.probe` takes. *variant*: another form of it than the
        usual one. *treat_as*: the family to load it with where none is recognized. Raises StudioError.
        """
        listed = self._library.listed(name)
        if listed is None and (known := self._library.known(name)) is not None and not variant:
            return known
        if listed is not None:
            return await self._choose(listed, variant)
        found = understand(name)
        if found is None or "/" not in found.repo:  # more likely an id that was typed wrongly
            raise StudioError("model.missing", name=name)
        if variant:
            name = msgspec.structs.replace(found, variant=variant).name
        remote = await self._remote.probe(name)
        page = f"{MODELSCOPE}/models/{remote.repo}" if remote.modelscope else f"{HUB}/{remote.repo}"
        licence = of_tag(remote.licence, page, self._library.every())
        if remote.gated:
            licence = msgspec.structs.replace(licence, gated=True)
        ordered = order_of(remote, licence, treat_as=treat_as)
        return (await self._library.order(ordered)).model

    async def _choose(self, listed: Model, variant: str) -> Model:
        """A listed model in that form."""
        usual = next((choice.name for choice in choices_of(listed)), "")
        if not variant or variant.upper() == usual.upper():
            if self._library.ordered(listed.id) is not None and variant:
                await self._library.withdraw(listed.id)
            return self._library.entry(listed.id).model
        try:
            chosen = in_variant(listed, variant)
        except KeyError:
            raise StudioError("model.missing_file", name=localized(listed.title), file=variant) from None
        return (await self._library.order(Ordered(model=chosen))).model

    async def licence_text(self, model: Model) -> str:
        """The whole text of its licence: what comes along, else what lies in its repository, "" without one.

        Raises StudioError where the hub has to be asked and cannot be.
        """
        if text := await asyncio.to_thread(text_of, model.licence):
            return text
        source = next((source for source in model.sources if isinstance(source, Hub)), None)
        return "" if source is None else await self._remote.licence(source)

    def get(self, model_id: str, licence: str = "") -> list[str]:
        """Fetch a model and what it needs and is not here; returns the ids. Their licences were accepted.

        *licence*: its text as it was shown. Raises StudioError as `Downloads.start`, and `model.coming`.
        """
        model = self._library.entry(model_id).model
        if model.status == "coming":
            raise StudioError("model.coming", name=localized(model.title))
        missing = [needed for needed in model.needs if not self._library.entry(needed).installed]
        for needed in missing:
            self._downloads.start(needed)
        self._downloads.start(model_id, licence)
        return [*missing, model_id]
