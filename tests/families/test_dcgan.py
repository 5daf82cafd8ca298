"""Small pictures out of noise, on a tiny real generator."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from studio.domain.failure import Cancelled, StudioError
from studio.families.dcgan.generator import Config, Generator
from studio.services.library.recognize import recognize
from studio.wire.messages import Saved
from tests.fakes.recording_context import Bench

SMALL = {"nz": 8, "ngf": 4, "nc": 3, "image_size": 64}


def write(folder: Path, **changes) -> Path:
    """A generator with random weights, as the conversion of a checkpoint leaves it."""
    config = SMALL | changes
    torch.manual_seed(0)
    generator = Generator(Config(**config))
    for weight in generator.parameters():
        if weight.ndim == 4:
            weight.data.normal_(std=0.5)  # as made, it would draw one grey
    folder.mkdir(exist_ok=True)
    save_file(generator.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architectures": ["DCGANGenerator"], **config}))
    return folder


@pytest.fixture
def bench(tmp_path):
    bench = Bench("dcgan", write(tmp_path / "m"), tmp_path / "outputs")
    yield bench
    bench.close()


def pixels(artifact) -> np.ndarray:
    return np.asarray(Image.open(artifact.path))


def test_it_is_recognized_by_content(tmp_path):
    assert recognize(write(tmp_path / "m")).spec.name == "dcgan"


def test_the_layers_are_the_tutorial_s():
    """Names and shapes of the published checkpoints: nz 100, ngf 64."""
    shapes = {name: tuple(t.shape) for name, t in Generator(Config()).state_dict().items() if t.ndim == 4}
    assert shapes == {
        "main.0.weight": (100, 512, 4, 4),
        "main.3.weight": (512, 256, 4, 4),
        "main.6.weight": (256, 128, 4, 4),
        "main.9.weight": (128, 64, 4, 4),
        "main.12.weight": (64, 3, 4, 4),
    }


def test_a_seed_is_a_picture(bench):
    four = bench.run(count=4, seed=10).artifacts
    assert [artifact.seed for artifact in four] == [10, 11, 12, 13]
    assert len({artifact.sha256 for artifact in four}) == 4
    assert pixels(four[0]).shape == (64, 64, 3)
    assert np.array_equal(pixels(bench.run(seed=12).artifacts[0]), pixels(four[2]))
    assert bench.run(count=4, seed=10).artifacts[1].sha256 == four[1].sha256


@pytest.mark.parametrize(("size", "colours", "mode"), [(8, 3, "RGB"), (128, 1, "L")])
def test_other_sizes_and_grey(tmp_path, size, colours, mode):
    bench = Bench("dcgan", write(tmp_path / "m", image_size=size, nc=colours), tmp_path)
    with Image.open(bench.run().artifacts[0].path) as image:
        assert (image.size, image.mode) == ((size, size), mode)


def test_a_cancel_keeps_what_is_done(bench):
    bench.run()
    slow = bench._pipeline._generator.register_forward_pre_hook(lambda _m, _i: time.sleep(0.1))
    with pytest.raises(Cancelled):
        bench.run(cancel_when=lambda recording: recording.of(Saved), count=16)
    slow.remove()
    assert 1 <= len(bench.last.artifacts) < 16
    assert bench.run().artifacts


@pytest.mark.parametrize(
    "config",
    ["{}", "not json", '{"nz": 1e9}', '{"image_size": 60}', '{"image_size": 1048576}', '{"nz": 8, "ngf": 8}'],
)
def test_a_configuration_that_is_wrong(bench, config):
    Path(bench.model.path, "config.json").write_text(config)
    with pytest.raises(StudioError) as caught:
        bench.run()
    assert caught.value.failure.code == "model.unrecognized"


def test_weights_that_are_missing(bench):
    Path(bench.model.path, "model.safetensors").unlink()
    with pytest.raises(StudioError) as caught:
        bench.run()
    assert caught.value.failure.code == "model.missing_file"


@pytest.mark.parametrize("factor", [float("nan"), 0.0])
def test_what_is_no_picture_is_refused(bench, factor):
    bench.run()
    bench._pipeline._generator.main[-2].weight.data *= factor
    with pytest.raises(StudioError) as caught:
        bench.run()
    assert caught.value.failure.code == "output.suspect"
