from __future__ import annotations

import pytest

from studio.cli.options import Misuse, Option, options_of, parse, peek
from studio.domain import text
from studio.domain.failure import StudioError
from studio.domain.parameter import Choice, Conversation, Integer, Number, Parameter, Seed, Size, Text, Toggle

PARAMETERS = (
    Text(name="prompt", required=True, hidden=True),
    Conversation(),
    Text(name="negative"),
    Integer(name="max_tokens", default=256, minimum=1, maximum=4096),
    Number(name="guidance", default=7.0, minimum=-2.0, maximum=30.0),
    Choice(name="scheduler", default="ddim", choices=("ddim", "euler")),
    Size(default=(64, 64), sizes=((64, 64), (128, 64))),
    Seed(),
    Toggle(name="tiling"),
)
OPTIONS = [
    *options_of(PARAMETERS),
    Option(key="model", names=("--model", "-m"), metavar="MODEL"),
    Option(key="force", names=("--force",)),
]


def test_every_way_to_write_an_option() -> None:
    words, values = parse(
        ["a red apple", "-m", "x", "--max-tokens=9", "--force", "--seed", "7", "--size", "128x64"], OPTIONS
    )
    assert words == ["a red apple"]
    assert values == {"model": "x", "max_tokens": 9, "force": True, "seed": 7, "size": (128, 64)}


def test_the_word_after_an_option_is_its_value() -> None:
    words, values = parse(["--negative", "--force", "--guidance", "-1.5", "-"], OPTIONS)
    assert words == ["-"]
    assert values == {"negative": "--force", "guidance": -1.5}


def test_nothing_after_two_dashes_is_an_option() -> None:
    assert parse(["--force", "--", "--force", "-m"], OPTIONS) == (["--force", "-m"], {"force": True})


def test_the_last_one_counts() -> None:
    assert parse(["--seed", "1", "--seed", "2"], OPTIONS)[1] == {"seed": 2}


def test_toggles_go_both_ways() -> None:
    assert parse(["--tiling"], OPTIONS)[1] == {"tiling": True}
    assert parse(["--no-tiling"], OPTIONS)[1] == {"tiling": False}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sed", "1"], "Did you mean --seed?"),
        (["--max_tokens", "1"], "Did you mean --max-tokens?"),
        (["--xyzzy"], "There is no --xyzzy."),
        (["-q"], "There is no -q."),
        (["--seed"], "--seed needs a value: SEED."),
        (["--force=yes"], "--force takes no value."),
        (["--prompt", "x"], "There is no --prompt"),
        (["--messages", "[]"], "There is no --messages"),
    ],
)
def test_what_is_not_understood(words: list[str], says: str) -> None:
    with pytest.raises(Misuse, match=says.replace("?", r"\?")):
        parse(words, OPTIONS)


@pytest.mark.parametrize(
    "words",
    [
        ["--max-tokens", "0"],
        ["--max-tokens", "5000"],
        ["--max-tokens", "many"],
        ["--guidance", "31"],
        ["--guidance", "nan"],
        ["--scheduler", "magic"],
        ["--size", "512x512"],
        ["--size", "64"],
        ["--seed", "4294967296"],
        ["--seed", "-1"],
    ],
)
def test_a_value_that_cannot_be_is_refused(words: list[str]) -> None:
    with pytest.raises(StudioError) as raised:
        parse(words, OPTIONS)
    assert raised.value.failure.code == "param.invalid"


def test_a_parameter_of_a_new_kind_has_an_option() -> None:
    class Colour(Parameter, frozen=True, kw_only=True):
        def parse(self, text: str) -> tuple[int, ...]:
            return tuple(bytes.fromhex(text.removeprefix("#")))

    options = options_of([Colour(name="background_colour", label="Backdrop", default=(0, 0, 0))])
    assert parse(["--background-colour", "#ff8000"], options)[1] == {"background_colour": (255, 128, 0)}
    assert options[0].help.startswith("Backdrop")


def test_help_tells_limits_and_defaults() -> None:
    told = {option.names[0]: option for option in OPTIONS}
    assert told["--max-tokens"].help == "Longest answer (tokens), 1..4096 [256]"
    assert told["--size"].help == "Size (pixels), 64x64 128x64 [64x64]"
    assert told["--scheduler"].metavar == "ddim|euler"
    assert told["--seed"].help == "Seed"


def test_the_model_is_found_before_the_rest_is_understood() -> None:
    names = ("--model", "-m")
    assert peek(["x", "--new", "1", "-m", "a"], names) == "a"
    assert peek(["--model=b", "x"], names) == "b"
    assert peek(["x", "-m"], names) is None
    assert peek(["x"], names) is None


@pytest.mark.parametrize(
    ("parameter", "word", "says"),
    [
        (Size(default=(64, 64), sizes=((64, 64), (128, 64))), "128", "as in 128x64"),
        (Size(default=(64, 64), sizes=((64, 64),)), "large", "as in 64x64"),
        (Size(default=(64, 64), sizes=((64, 64), (128, 64))), "120x64", "the nearest is 128x64"),
        (Size(), "128", "as in 128x128"),
        (Size(), "130", "as in 128x128"),
        (Size(), "x", "as in 512x512"),
        (Size(), "100x99999", "the nearest is 96x2048"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_size_that_cannot_be_names_the_nearest_that_can(
    parameter: Size, word: str, says: str, language: str
) -> None:
    text.set_language(language)
    with pytest.raises(StudioError) as raised:
        parse(["--size", word], options_of([parameter]))
    assert says.rsplit(maxsplit=1)[-1] in raised.value.failure.message
    assert (says in raised.value.failure.message) is (language == "en")
