"""What several licences allow together: a table of recipes, and the words for it in both languages."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from studio.domain.licence import Licence, Part, Terms, in_short, together
from studio.domain.licence_words import lines, verdict
from studio.domain.text import set_language
from studio.services.library.manifest import read_manifest
from studio.services.licences import TEXTS, of_tag, terms_of, text_of
from studio.services.paths import MANIFEST

MODELS = read_manifest(MANIFEST)


def licence(commercial: str = "yes", **more: Any) -> Licence:
    fields = {"id": f"L-{commercial}", "url": "https://example.org", "commercial": commercial, **more}
    return Licence(**fields)


def part(name: str, commercial: str = "yes", **more: Any) -> Part:
    return Part(title={"en": name, "zh_CN": name}, licence=licence(commercial, **more))


RULE = {"en": "Not for weapons.", "zh_CN": "不得用于武器。"}
RECIPES: dict[str, tuple[list[Part], dict[str, Any]]] = {
    "nothing": ([], {"commercial": "yes"}),
    "one that is free": ([part("a")], {"commercial": "yes", "ids": ("L-yes",)}),
    "a base for all and a LoRA for nobody": (
        [part("base"), part("lora", "no")],
        {"commercial": "no", "ids": ("L-yes", "L-no"), "decided_by": ({"en": "lora", "zh_CN": "lora"},)},
    ),
    "an unknown one is not taken for allowed": (
        [part("a"), part("mine", "unknown", id="")],
        {"commercial": "unknown"},
    ),
    "no counts more than unknown": ([part("mine", "unknown"), part("b", "no")], {"commercial": "no"}),
    "unknown counts more than limits": (
        [part("a", "limited", revenue_cap=5), part("b", "unknown")],
        {"commercial": "unknown", "revenue_cap": 5},
    ),
    "the lowest cap": (
        [part("a", "limited", revenue_cap=10), part("b", "limited", revenue_cap=3)],
        {"commercial": "limited", "revenue_cap": 3},
    ),
    "all places": (
        [part("a", "limited", excluded=("EU", "GB")), part("b", "limited", excluded=("GB", "US"))],
        {"commercial": "limited", "excluded": ("EU", "GB", "US")},
    ),
    "each credit once": (
        [part("a", credit="By A"), part("b", credit="By B"), part("c", credit="By A")],
        {"commercial": "yes", "credits": ("By A", "By B")},
    ),
    "each rule once": (
        [part("a", restrictions=RULE), part("b", restrictions=RULE)],
        {"commercial": "yes", "restrictions": (RULE,)},
    ),
    "share alike stays": (
        [part("a"), part("b", share_alike=True)],
        {"commercial": "yes", "share_alike": True},
    ),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe(recipe: str) -> None:
    parts, wanted = RECIPES[recipe]
    found = msgspec.to_builtins(together(parts))
    assert {key: found[key] for key in wanted} == msgspec.to_builtins(wanted)


def test_order_and_repetition_change_nothing_that_counts() -> None:
    parts = [part("a", "limited", revenue_cap=9), part("b", "no", credit="B"), part("c", excluded=("KR",))]
    first = together(parts)
    for order in itertools.permutations([*parts, parts[0]]):
        found = together(order)
        assert (found.commercial, found.revenue_cap, found.excluded) == ("no", 9, ("KR",))
        assert set(found.credits) == set(first.credits)


def test_adding_a_part_never_allows_more() -> None:
    strict = {"yes": 0, "limited": 1, "unknown": 2, "no": 3}
    licences = [model.licence for model in MODELS.values()]
    for one, other in itertools.product(licences, repeat=2):
        alone, both = (
            together([Part(title={}, licence=each) for each in group]) for group in ([one], [one, other])
        )
        assert strict[both.commercial] >= strict[alone.commercial]
        assert set(alone.excluded) <= set(both.excluded)
        assert (both.revenue_cap or 1e18) <= (alone.revenue_cap or 1e18)


def test_a_real_recipe() -> None:
    found = terms_of([MODELS["sdxl-1.0"], MODELS["lcm-lora-sdxl"], MODELS["nomos-webphoto-x4"]])
    assert (found.commercial, found.credits) == ("yes", ("4xNomosWebPhoto by Philip Hofmann",))
    worse = terms_of([MODELS["sdxl-1.0"], MODELS["flux.1-dev"], MODELS["hunyuan-image-2.1"]])
    assert (worse.commercial, worse.excluded) == ("no", ("EU", "GB", "KR"))
    assert [title["en"] for title in worse.decided_by] == ["FLUX.1 [dev]"]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_model_has_words_for_its_terms(language: str) -> None:
    set_language(language)
    try:
        for model in MODELS.values():
            terms = terms_of([model])
            said = [verdict(terms), *lines(terms)]
            assert all(said)
            assert not any("{" in words or words.startswith(("terms.", "licence.")) for words in said), said
            assert not any("place." in words for words in said if terms.excluded), said
    finally:
        set_language("en")


def test_metadata_holds_no_words() -> None:
    short = in_short(terms_of([MODELS["sd-turbo"]]))
    assert (short.restrictions, short.decided_by, short.revenue_cap) == ((), (), 1_000_000)
    assert msgspec.json.decode(msgspec.json.encode(short), type=Terms) == short


# --- texts ------------------------------------------------------------------------------------------


def test_texts_that_come_along_belong_to_licences_of_the_manifest() -> None:
    known = {model.licence.id for model in MODELS.values()}
    assert {file.stem for file in TEXTS.glob("*.txt")} <= known
    for model in MODELS.values():
        if model.licence.id in ("Apache-2.0", "MIT", "CreativeML-OpenRAIL-M"):
            assert len(text_of(model.licence)) > 900
    assert "Apache License" in text_of(licence(id="Apache-2.0"))
    assert text_of(licence(id="../../LICENSE")) == text_of(licence(id="")) == ""


def test_what_a_hub_calls_a_licence() -> None:
    known = MODELS.values()
    assert of_tag("apache-2.0", "https://page", known).commercial == "yes"
    assert of_tag("openrail++", "https://page", known).restrictions
    assert of_tag("cc-by-nc-4.0", "https://page", known).commercial == "no"
    other = of_tag("other", "https://page", known)
    assert (other.id, other.commercial, other.url) == ("other", "unknown", "https://page")
