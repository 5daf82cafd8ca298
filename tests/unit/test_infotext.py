"""The A1111 text form: what we write others read, and what others write never harms us."""

from __future__ import annotations

import random
import string
import time

import pytest

from studio.domain.infotext import LIMIT, SAMPLERS, format_infotext, parse_infotext
from studio.domain.request import Request


def request(**values) -> Request:
    return Request(task="image", family="any", model="m", values=values)


def written(**values) -> str:
    return format_infotext(
        request(**values), model_title="Small icons", model_hash="ab" * 32, version="0.1.0"
    )


FULL = {
    "prompt": "a red apple,\non a (white:1.2) table",
    "negative": "blurry,\nugly: very",
    "steps": 25,
    "scheduler": "dpmpp_2m_karras",
    "guidance": 4.5,
    "seed": 4294967295,
    "size": (64, 128),
}


def test_form_that_others_expect():
    assert written(**FULL) == (
        "a red apple,\non a (white:1.2) table\n"
        "Negative prompt: blurry,\nugly: very\n"
        "Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4.5, Seed: 4294967295, "
        "Size: 64x128, Model hash: ababababab, Model: Small icons, Version: AIGC Studio 0.1.0"
    )


def test_round_trip():
    assert parse_infotext(written(**FULL)) == {
        **FULL,
        "model": "Small icons",
        "model_hash": "ababababab",
        "version": "AIGC Studio 0.1.0",
    }


@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_every_scheduler_comes_back(scheduler):
    assert parse_infotext(written(**FULL | {"scheduler": scheduler}))["scheduler"] == scheduler


def test_without_prompt():
    text = written(seed=7, count=3)
    assert text == "\nSeed: 7, Model hash: ababababab, Model: Small icons, Version: AIGC Studio 0.1.0"
    parsed = parse_infotext(text)
    assert parsed["seed"] == 7
    assert "prompt" not in parsed


@pytest.mark.parametrize("title", ["a, b", 'say "x"', "C:\\models\\x", "two\nlines", "模型：一"])
def test_awkward_titles_come_back(title):
    text = format_infotext(request(**FULL), model_title=title, model_hash="", version="1")
    parsed = parse_infotext(text)
    assert parsed["model"] == title
    assert parsed["seed"] == FULL["seed"]
    assert "model_hash" not in parsed


def test_what_other_programs_write():
    parsed = parse_infotext(
        "masterpiece, 1girl\nNegative prompt: lowres\n"
        "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 5, Size: 512x768, Model hash: 6ce0161689, "
        'Model: v1-5, Lora hashes: "a: 1, b: 2", Eta: 0.67, Version: v1.10.1'
    )
    assert parsed["scheduler"] == "dpmpp_2m_karras"
    assert parsed["guidance"] == 7.0
    assert parsed["size"] == (512, 768)
    assert parsed["other"] == {"Lora hashes": "a: 1, b: 2", "Eta": "0.67"}


def test_schedule_type_automatic():
    parsed = parse_infotext("x\nSteps: 2, Sampler: Euler a, Schedule type: Automatic, Seed: 1")
    assert parsed["scheduler"] == "euler_a"


def test_unknown_sampler_is_kept_but_not_used():
    parsed = parse_infotext("x\nSteps: 2, Sampler: Restart, Seed: 1")
    assert "scheduler" not in parsed
    assert parsed["other"] == {"Sampler": "Restart"}


def test_lines_behind_the_parameters():
    parsed = parse_infotext("a cat\nSteps: 20, Sampler: Euler, Seed: 9\nTemplate: {a|b} cat")
    assert (parsed["prompt"], parsed["seed"]) == ("a cat", 9)


def test_prompt_alone():
    assert parse_infotext("just words: with a colon, and one more") == {
        "prompt": "just words: with a colon, and one more"
    }


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("Steps: 99999999", "steps", 10_000),
        ("Steps: -3", "steps", 1),
        ("Steps: nan", "steps", None),
        ("Steps: " + "9" * 5000, "steps", None),
        ("CFG scale: 1e30", "guidance", 1000.0),
        ("CFG scale: inf", "guidance", None),
        ("Size: 999999x0", "size", (65_536, 1)),
        ("Size: 64", "size", None),
        ("Seed: -1", "seed", None),
        ("Seed: 4294967296", "seed", None),
        ("Seed: ٣", "seed", None),
        ("Seed: 00000000000000000001", "seed", None),
    ],
)
def test_numbers_are_clamped_or_left_out(field, name, value):
    assert parse_infotext(f"x\n{field}, Model: a, Version: b").get(name) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\0\0",
        ":",
        "," * LIMIT,
        "a" * LIMIT,
        "a " * LIMIT,
        "a:" * LIMIT,
        'a:"' * LIMIT,
        'a:"\\"' * LIMIT,
        '"' * LIMIT,
        "\\" * LIMIT,
        "\n" * LIMIT + "Steps: 1, Seed: 2, Model: x",
        "Steps:" * LIMIT,
        ("Steps: 1, " + "b" * 100 + "\n") * 10_000,
        "Negative prompt:" * 100_000,
        'x\nSteps: 1, Seed: 1, Model: "\\ud800"',
        "x\nSteps: 1, Seed: 1, Model: \"__import__('os').system('true')\"",
    ],
    ids=range(18),
)
def test_hostile_text_is_harmless_and_quick(text):
    start = time.process_time()
    parsed = parse_infotext(text)
    assert isinstance(parsed, dict)
    assert time.process_time() - start < 10  # the square of a mebibyte would take days


def test_half_a_surrogate_pair_cannot_escape():
    parsed = parse_infotext('x\nSteps: 1, Seed: 1, Model: "\\ud800"')
    assert parsed["model"] == "?"


def test_anything_parses():
    rng = random.Random(1)
    alphabet = string.printable + ':,"\\\n' * 10 + "Steps Seed红"
    for _ in range(2000):
        parse_infotext("".join(rng.choices(alphabet, k=rng.randrange(200))))
