"""What a model's licence allows, as data, and what several together allow: pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")
Commercial = Literal["yes", "no", "limited", "unknown"]
_STRICTEST: tuple[Commercial, ...] = ("no", "unknown", "limited", "yes")


class Licence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`id` is the SPDX identifier or a short name; `url` the full text.

    `commercial`: may results be sold? "yes": by anybody; "limited": not by all, as the next two and
    `restrictions` say; "unknown", with no `id`, is what the user brought along.
    `restrictions` (`{"en": ..., "zh_CN": ...}`): rules that hold all the same, such as forbidden uses.
    `revenue_cap`: US dollars a year from which on the maker must be asked. `excluded`: where there is
    no licence at all, ISO 3166 codes or "EU". `credit`: what must stand beside what is made or sold.
    `share_alike`: what is built from it must be passed on under the same terms. `gated`: the hub asks for
    an account and consent first.
    """

    id: str
    url: str
    commercial: Commercial
    restrictions: dict[str, str] = {}
    revenue_cap: int | None = None
    excluded: tuple[str, ...] = ()
    credit: str = ""
    share_alike: bool = False
    gated: bool = False

    @property
    def free(self) -> bool:
        """Nothing to heed, nobody to ask."""
        return self.commercial == "yes" and not (self.restrictions or self.credit or self.gated)


class Part(Struct, frozen=True, kw_only=True):
    """One thing that a result is made with: a model, a LoRA, a voice, an upscaler. `title`: by language."""

    title: dict[str, str]
    licence: Licence


class Terms(Struct, frozen=True, kw_only=True):
    """What may be done with a result, with every part's licence kept.

    `ids` of the licences, `decided_by` the titles of those that make `commercial` what it is.
    `restrictions`: each rule once, in the order of the parts.
    """

    commercial: Commercial
    ids: tuple[str, ...] = ()
    decided_by: tuple[dict[str, str], ...] = ()
    revenue_cap: int | None = None
    excluded: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    share_alike: bool = False
    restrictions: tuple[dict[str, str], ...] = ()


def in_short(terms: Terms) -> Terms:
    """Without what is words: for the metadata of a result."""
    return msgspec.structs.replace(terms, decided_by=(), restrictions=())


def together(parts: Iterable[Part]) -> Terms:
    """The terms of what is made with all of *parts*: the strictest of each; without any nothing is owed."""
    known = list(parts)
    licences = [part.licence for part in known]
    commercial: Commercial = "yes"
    for each in licences:
        if _STRICTEST.index(each.commercial) < _STRICTEST.index(commercial):
            commercial = each.commercial
    caps = [each.revenue_cap for each in licences if each.revenue_cap is not None]
    deciding = () if commercial == "yes" else [p.title for p in known if p.licence.commercial == commercial]
    return Terms(
        commercial=commercial,
        ids=_once(each.id for each in licences if each.id),
        decided_by=_once(deciding),
        revenue_cap=min(caps, default=None),
        excluded=tuple(sorted({place for each in licences for place in each.excluded})),
        credits=_once(each.credit for each in licences if each.credit),
        share_alike=any(each.share_alike for each in licences),
        restrictions=_once(each.restrictions for each in licences if each.restrictions),
    )


def _once(values: Iterable[T]) -> tuple[T, ...]:
    found: list[T] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(found)
