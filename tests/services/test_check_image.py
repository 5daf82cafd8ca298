"""The check of pictures passes the real ones and refuses everything that must not pass for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.services.checks import image
from tests.fakes.recording_context import Bench

PROMPTS = ("blue heart", "grinning face", "red apple")
SEEDS = (1, 4242)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """By prompt, real pictures of the bundled model."""
    folder = Path(__file__).parents[2] / "assets" / "models" / "starter-icons"
    bench = Bench("stable_diffusion", folder, tmp_path_factory.mktemp("outputs"))
    values = {"size": (64, 64), "steps": 15, "guidance": 4.0, "scheduler": "ddim"}
    pictures = {
        prompt: [pixels(bench.run(prompt=prompt, seed=seed, **values).artifacts[0].path) for seed in SEEDS]
        for prompt in PROMPTS
    }
    bench.close()
    return pictures


def pixels(path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def noise(*size: int) -> np.ndarray:
    return RNG.integers(0, 256, (*size, 3), dtype=np.uint8)


def test_there_are_three_references():
    assert tuple(image.references()) == PROMPTS


def test_real_pictures_pass(drawn):
    for prompt, pictures in drawn.items():
        for picture in pictures:
            assert image.problems(picture, prompt) == ()


def test_a_larger_one_passes_too(drawn):
    large = np.asarray(Image.fromarray(drawn["blue heart"][0]).resize((300, 300)))
    assert image.problems(large, "blue heart") == ()


def test_answers_to_other_prompts_are_refused(drawn):
    for prompt, pictures in drawn.items():
        for other in set(PROMPTS) - {prompt}:
            for picture in pictures:
                assert "check.image.other" in image.problems(picture, other)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize(
    "picture",
    [
        noise(64, 64),
        noise(512, 512),
        np.asarray(Image.fromarray(noise(8, 8)).resize((64, 64))),
        np.zeros((64, 64, 3), np.uint8),
        np.full((64, 64, 3), 255, np.uint8),
        *(
            np.full((64, 64, 3), colour, np.uint8)
            for colour in ((216, 26, 10), (42, 140, 240), (252, 194, 27))
        ),
        np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 64, 3)),
    ],
    ids=["noise", "large noise", "soft noise", "black", "white", "red", "blue", "yellow", "ramp"],
)
def test_what_shows_nothing_is_refused(picture, prompt):
    assert image.problems(picture, prompt)


def test_colours_alone_or_a_shape_alone_are_refused(drawn):
    for prompt, (picture, *_) in drawn.items():
        shuffled = RNG.permutation(picture.reshape(-1, 3)).reshape(picture.shape)
        recoloured = picture[..., [1, 2, 0]]
        assert image.problems(shuffled, prompt)
        assert image.problems(recoloured, prompt)


def test_repeating():
    assert image.problems_of_repeating(b"same", b"same") == ()
    assert image.problems_of_repeating(b"same", b"some") == ("check.image.differs",)


# --- without a prompt -------------------------------------------------------------------------------


def soft(seed: int) -> np.ndarray:
    """Large soft shapes, as rough as a photograph of a face: three sizes of blobs on top of each other."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
                (64, 64), Image.BICUBIC
            )
        ).astype(float)
        for side in (3, 6, 14)
    ]
    return (0.5 * layers[0] + 0.3 * layers[1] + 0.2 * layers[2]).astype(np.uint8)


def test_three_different_photographs_pass():
    assert image.problems_without_words([soft(1), soft(2), soft(3)]) == ()


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (noise(64, 64), "check.image.noise"),
        (np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 64, 3)), "check.image.noise"),
        (np.full((64, 64, 3), 90, np.uint8), "check.image.flat"),
        (soft(1), "check.image.same"),
    ],
    ids=["noise", "ramp", "flat", "the same again"],
)
def test_what_is_no_photograph_is_refused(wrong, key):
    assert image.problems_without_words([soft(1), wrong, soft(2)]) == (key,)
