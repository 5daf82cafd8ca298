"""Terms in plain words: what anybody may know before they sell what they made."""

from __future__ import annotations

from collections.abc import Iterator

from studio.domain.licence import Terms
from studio.domain.quantity import money
from studio.domain.text import language, localized, t


def verdict(terms: Terms) -> str:
    """In a line: may it be sold, and what has to be heeded."""
    notes = [t("terms.cap.short", amount=money(terms.revenue_cap))] if terms.revenue_cap else []
    notes += [t("terms.excluded.short", places=places(terms))] if terms.excluded else []
    notes += [t("terms.credit.short")] if terms.credits else []
    return "  •  ".join([t(f"licence.{terms.commercial}.short"), *notes])


def lines(terms: Terms) -> Iterator[str]:
    """One sentence for each thing to know, the most important first."""
    yield t(f"licence.{terms.commercial}")
    if len(terms.ids) > 1 and terms.decided_by:
        yield t("terms.decided", titles=_listed([localized(title) for title in terms.decided_by]))
    if terms.revenue_cap:
        yield t("terms.cap", amount=money(terms.revenue_cap))
    if terms.excluded:
        yield t("terms.excluded", places=places(terms))
    for credit in terms.credits:
        yield t("terms.credit", words=credit)
    if terms.share_alike:
        yield t("terms.share_alike")
    yield from (localized(rule) for rule in terms.restrictions)


def places(terms: Terms) -> str:
    return _listed([t(f"place.{code.lower()}") for code in terms.excluded])


def _listed(words: list[str]) -> str:
    return ("、" if language() == "zh_CN" else ", ").join(words)
