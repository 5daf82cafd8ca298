"""What a model's licence allows, as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Licence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`id` is the SPDX identifier or a short name; `url` the full text.

    `commercial`: may results be sold; "limited" names its limits in `restrictions`
    (`{"en": ..., "zh_CN": ...}`); "unknown", with no `id`, is what the user brought along. `gated`:
    the hub asks for an account and consent first.
    """

    id: str
    url: str
    commercial: Literal["yes", "no", "limited", "unknown"]
    restrictions: dict[str, str] = {}
    gated: bool = False
