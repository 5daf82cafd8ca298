"""What a plan chooses is what computes: seen in modules, in the operations that run, in what is kept.

The engine's report is compared with that, never with the plan alone. All on the processor: cards, streams
and pinned memory are not to be had in these tests.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from accelerate.hooks import CpuOffload, add_hook_to_module
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from studio.diffusion import computing
from studio.domain.plan import KvCache, Loaded
from studio.families.gguf_text.random_model import Shape, write
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import write_flux, write_pipeline
from tests.fakes.tiny_music import write_music
from tests.fakes.tiny_text import write_transformers

pytestmark = pytest.mark.usefixtures("one_thread")
PICTURE = {"prompt": "a red apple", "size": (64, 64), "steps": 2, "guidance": 5.0, "scheduler": "ddim"}
FUSED = "_scaled_dot_product_flash_attention_for_cpu"
Open = Callable[..., Bench]


class Watched(TorchDispatchMode):
    """Counts operations by name; `shares` are the sizes of what a softmax was taken of."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.shares: list[int] = []

    def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.name().partition("::")[2].partition(".")[0]
        self.calls[name] += 1
        if name in ("softmax", "_softmax", "_safe_softmax"):
            self.shares.append(args[0].numel())
        return function(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "stable_diffusion": write_pipeline(root / "drawing"),
        "flux": write_flux(root / "flux"),
        "musicgen": write_music(root / "music"),
        "transformers_text": write_transformers(root / "text"),
        "gguf_text": _gguf(root / "text.gguf"),
    }


def _gguf(path: Path) -> Path:
    """With heads as wide as real ones: a short type has blocks of 32 numbers."""
    write(path, "Q8_0", Shape(width=256, inner=256, layers=2))
    return path


@pytest.fixture
def load(folders: dict[str, Path], tmp_path: Path) -> Iterator[Open]:
    """A bench of a family, loaded in some way."""
    benches: list[Bench] = []

    def load(family: str, **way: Any) -> Bench:
        benches.append(Bench(family, folders[family], tmp_path, **way))
        return benches[-1]

    yield load
    for bench in benches:
        bench.close()


def draw(bench: Bench, **values: Any) -> np.ndarray:
    recording = bench.run(**{**PICTURE, **values})
    return np.asarray(Image.open(recording.artifacts[0].path)).astype(int)


def report(bench: Bench) -> Loaded:
    found = bench.last.outcome.loaded
    assert found is not None
    return found


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and abs(one - other).max() <= 2


@contextmanager
def watching(module: Any) -> Iterator[Watched]:
    """The operations of *module* alone."""
    watched, plain = Watched(), module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        with watched:
            return plain(*args, **kwargs)

    module.forward = forward
    yield watched
    module.forward = plain


# --- attention ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sdpa", "flash", "eager", "sliced"])
def test_attention_of_a_denoiser(load: Open, kind: str) -> None:
    plain, bench = draw(load("stable_diffusion")), load("stable_diffusion", attention=kind)
    assert same(draw(bench), plain)
    assert report(bench).attention == kind
    with watching(bench.pipeline._diffusers.unet) as seen:
        draw(bench)
    fused = kind in ("sdpa", "flash")
    assert (seen.calls[FUSED] > 0) == fused
    assert bool(seen.shares) != fused
    if not fused:  # 32 x 32 positions look at each other, in two pictures with heads of their own
        whole = 32 * 32 * 32 * 32
        assert (max(seen.shares) == whole) == (kind == "sliced")


@pytest.mark.parametrize("kind", ["sdpa", "flash"])
def test_flash_leaves_no_other_kernel_to_choose(load: Open, kind: str) -> None:
    """On the processor both come out alike: so what torch may choose from is looked at."""
    bench = load("stable_diffusion", attention=kind)
    draw(bench)
    allowed: list[bool] = []
    bench.pipeline._diffusers.unet.conv_in.register_forward_pre_hook(
        lambda _module, _inputs: allowed.append(torch.backends.cuda.math_sdp_enabled())
    )
    draw(bench)
    assert set(allowed) == {kind != "flash"}
    assert torch.backends.cuda.math_sdp_enabled()  # afterwards all may be chosen again


@pytest.mark.parametrize("kind", ["sdpa", "flash", "eager"])
def test_attention_of_a_transformer(load: Open, kind: str) -> None:
    values = {"prompt": "a red apple", "size": (64, 64), "steps": 1}
    bench = load("flux", attention=kind)
    bench.run(**values)
    with watching(bench.pipeline._diffusers.transformer) as seen:
        bench.run(**values)
    assert (seen.calls[FUSED] > 0) == (kind != "eager")
    assert bool(seen.shares) == (kind == "eager")
    assert report(bench).attention == kind


@pytest.mark.parametrize(("family", "values"), [
    ("transformers_text", {"prompt": "hello", "max_tokens": 4}),
    ("musicgen", {"prompt": "a tune", "seconds": 1}),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["sdpa", "eager"])
def test_attention_of_what_writes(load: Open, family: str, values: dict[str, Any], kind: str) -> None:
    bench = load(family, attention=kind)
    bench.run(**values)
    model = bench.pipeline._model
    with watching(model.decoder if family == "musicgen" else model) as seen:
        bench.run(**values)
    assert bool(seen.shares) == (kind == "eager")
    assert report(bench).attention == kind


# --- numbers and their order ------------------------------------------------------------------------------


def types(module: torch.nn.Module) -> set[torch.dtype]:
    return {weights.dtype for weights in module.parameters()}


@pytest.mark.parametrize("precision", [
    {"*": "float32", "unet": "bfloat16"},
    {"*": "float32", "text_encoder": "bfloat16"},
    {"*": "bfloat16", "vae": "float32"},
])  # fmt: skip
def test_each_part_has_its_own_numbers(load: Open, precision: dict[str, str]) -> None:
    bench = load("stable_diffusion", precision=precision)
    draw(bench)
    for part in ("unet", "text_encoder", "vae"):
        wanted = precision.get(part, precision["*"])
        module = getattr(bench.pipeline._diffusers, part)
        assert types(module) == {getattr(torch, wanted)}
        assert report(bench).precision[part] == wanted
        size = sum(weights.numel() for weights in module.parameters())
        assert report(bench).weight_bytes[part] == size * (2 if wanted == "bfloat16" else 4)


def test_the_text_encoder_of_music_has_its_own_numbers(load: Open) -> None:
    bench = load("musicgen", precision={"*": "float32", "text_encoder": "bfloat16"})
    bench.run(prompt="a tune", seconds=1)
    assert types(bench.pipeline._model.text_encoder) == {torch.bfloat16}
    assert types(bench.pipeline._model.decoder) == {torch.float32}
    assert report(bench).precision["text_encoder"] == "bfloat16"


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_filters_lie_in_the_order_that_was_planned(load: Open, order: str) -> None:
    bench = load("stable_diffusion", memory_format=order, precision={"*": "float32", "unet": "bfloat16"})
    draw(bench)
    weights = bench.pipeline._diffusers.unet.conv_in.weight
    assert weights.is_contiguous(memory_format=torch.channels_last) == (order == "channels_last")
    assert report(bench).memory_format == order


# --- pieces -------------------------------------------------------------------------------------------------


def test_slicing_computes_the_halves_of_guidance_one_by_one(load: Open) -> None:
    pictures, batches = {}, {}
    for slicing in (False, True):
        bench = load("stable_diffusion", slicing=slicing)
        draw(bench)
        seen: list[int] = batches.setdefault(slicing, [])
        bench.pipeline._diffusers.unet.conv_in.register_forward_pre_hook(
            lambda _m, inputs, seen=seen: seen.append(inputs[0].shape[0])
        )
        pictures[slicing] = draw(bench)
        assert report(bench).slicing == slicing
    assert set(batches[False]) == {2}
    assert set(batches[True]) == {1}
    assert len(batches[True]) == 2 * len(batches[False])
    assert same(pictures[True], pictures[False])


def test_tiling_decodes_in_pieces(load: Open) -> None:
    for tiling in (False, True):
        bench = load("stable_diffusion", tiling=tiling)
        draw(bench, size=(128, 128))
        calls: list[int] = []
        bench.pipeline._diffusers.vae.decoder.register_forward_pre_hook(
            lambda _m, _i, calls=calls: calls.append(1)
        )
        draw(bench, size=(128, 128))
        assert (len(calls) > 1) == tiling
        assert report(bench).tiling == tiling


# --- where parts lie ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["model", "group", "sequential"])
def test_parts_take_turns(load: Open, kind: str) -> None:
    """From the processor's memory to the processor's: what moves them is real, the other memory is not."""
    bench = load("stable_diffusion")
    plain = draw(bench)
    pipeline = bench.pipeline._diffusers
    if kind == "model":  # the library refuses the processor for it: its hooks alone
        add_hook_to_module(pipeline.unet, CpuOffload("cpu"))
    elif kind == "sequential":  # the library's own call makes "cpu:0" of it, which moves nothing
        for part in (pipeline.text_encoder, pipeline.unet, pipeline.vae):
            cpu_offload(part, torch.device("cpu"), offload_buffers=bool(part._parameters))
    else:
        computing.offload(pipeline, kind, "cpu")
    assert same(draw(bench), plain)
    assert report(bench).offload == kind
    if kind == "sequential":  # between two calls no weight is there at all
        assert {weights.device.type for weights in pipeline.unet.parameters()} == {"meta"}


def test_without_turns_nothing_is_told_of_them(load: Open) -> None:
    bench = load("stable_diffusion")
    draw(bench)
    assert (report(bench).offload, report(bench).compile) == ("none", False)


# --- the compiler -------------------------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.logs
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.skipif(bool(computing.no_compiler("cpu")), reason="there is no compiler")
def test_the_compiler_takes_the_blocks(load: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config

    monkeypatch.setattr(config, "compile_threads", 1)  # else its threads wait for more until the end
    plain, bench = draw(load("stable_diffusion")), load("stable_diffusion", compile=True)
    assert abs(draw(bench) - plain).mean() < 1  # its sums are in another order
    assert report(bench).compile
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_without_a_compiler_nothing_is_compiled(load: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "no_compiler", lambda _device: "no C++ compiler")
    bench = load("stable_diffusion", compile=True)
    bench.run(**PICTURE)
    assert bench.last.notices == ["drawing.no_compiler"]
    assert not report(bench).compile


# --- what is kept of a text ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_the_cache_of_a_text(load: Open, kind: str) -> None:
    plain = load("transformers_text").run(prompt="hello", max_tokens=12).text
    bench = load("transformers_text", kv_cache=KvCache(type=kind))
    recording = bench.run(prompt="hello", max_tokens=12)
    assert recording.text == plain
    kept = report(bench).kv_cache
    assert kept is not None
    assert kept.type == kind
    tokens = recording.outcome.tokens
    assert tokens is not None
    assert kept.length == tokens.prompt + tokens.generated - 1  # the last one is not read any more


LOGGED = """
import sys
from pathlib import Path
from studio.families.gguf_text import server
usual = server._params
def loud(*args, **options):
    params = usual(*args, **options)
    params.verbosity = 4
    return params
server._params = loud
server.start(sys.argv[1], context=1024, threads=1, device="cpu", exposed=lambda: None, cache=sys.argv[2],
             attention=sys.argv[3])
sys.stdin.read()  # its log is written by a thread: stay until what is looked for was seen
"""


@pytest.mark.parametrize(("kind", "mebibytes"), [("f16", 1.0), ("q8_0", 34 / 64), ("q4_0", 18 / 64)])
def test_the_cache_of_llama_cpp(load: Open, folders: dict[str, Path], kind: str, mebibytes: float) -> None:
    """As its own log says: the type of keys and values, and their size over that of 16 bits."""
    sizes = {}
    for each in ("f16", kind):
        with subprocess.Popen(
            [sys.executable, "-c", LOGGED, str(folders["gguf_text"]), each, "flash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as loading:
            assert loading.stderr is not None
            line = next(line for line in loading.stderr if "llama_kv_cache: size" in line)
            loading.kill()
        assert f"K ({each})" in line
        assert f"V ({each})" in line
        assert "1024 cells" in line
        sizes[each] = float(line.partition("size =")[2].split()[0])
    assert sizes[kind] / sizes["f16"] == pytest.approx(mebibytes, abs=0.05)
    bench = load("gguf_text", kv_cache=KvCache(type=kind))
    bench.run(prompt="hello", max_tokens=4, context_length=1024)
    assert report(bench).kv_cache == KvCache(type=kind, length=1024)
    assert report(bench).attention == "flash"


def test_a_shorter_cache_than_asked(load: Open) -> None:
    bench = load("gguf_text", kv_cache=KvCache(type="f16", length=512), attention="eager")
    recording = bench.run(prompt="hello", max_tokens=4, context_length=4096)
    assert report(bench).kv_cache == KvCache(type="f16", length=512)
    assert report(bench).attention == "eager"
    tokens = recording.outcome.tokens
    assert tokens is not None
    assert tokens.context == 512
