"""What each family says a request costs, against what its pipeline does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor
from studio.domain.cost.ops import Attention, Own, macs
from studio.domain.cost.tokens import conversation, tokens
from studio.families.dcgan.cost import draw
from studio.families.gguf_text.cost import MEASURED, nearest
from studio.families.registry import cost, family
from studio.families.stable_diffusion.cost import evaluations
from studio.families.vits.cost import frames, speak
from studio.services.library.facts import read_facts
from tests.fakes.original_checkpoint import write_original
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import TOKENS, write_pipeline
from tests.fakes.tiny_speech import write_vits
from tests.fakes.tiny_text import LAYERS, WIDTH, write_gguf, write_transformers
from tests.fakes.traced import Watch, disagreements, trace, without_data

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

SCHEDULERS = ("dpmpp_2m_karras", "dpmpp_2m", "unipc", "euler", "euler_a", "ddim", "pndm", "lcm")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """A small model of each family that has files."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "stable_diffusion": write_pipeline(folder / "pictures"),
        "transformers_text": write_transformers(folder / "text"),
        "gguf_text": write_gguf(folder / "text.gguf"),
        "vits": write_vits(folder / "speech"),
    }


def told(name: str, facts: ModelFacts, **values: Any) -> Any:
    """The cost of a checked request."""
    module = cost(name)
    assert module is not None
    return module.cost(facts, family(name).complete({"seed": 1, **values}))


@pytest.mark.parametrize(
    "name", [*("stable_diffusion", "transformers_text", "gguf_text"), "vits", "hibari", "dcgan"]
)
def test_a_cost_speaks_the_words_of_its_family(models, name):
    spec, nothing = family(name), PartFacts(config={}, tensors=())
    facts = read_facts(models[name]) if name in models else ModelFacts(layout="", parts={"model": nothing})
    asked = {"prompt": "one, two"} if any(parameter.name == "prompt" for parameter in spec.parameters) else {}
    found = told(name, facts, **asked)
    parts = {part.name for part in found.parts}
    assert {stage.phase for stage in found.stages} <= spec.phases.keys()
    assert {stage.part for stage in found.stages} <= parts
    assert all(stage.ops and stage.alive > 0 for stage in found.stages)
    for ways in spec.precisions.values():
        assert ways[0] == {"*": "float32"}, "the plainest first"
        assert all(way.keys() - {"*"} <= parts for way in ways)


# --- pictures -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(models, tmp_path_factory):
    bench = Bench("stable_diffusion", models["stable_diffusion"], tmp_path_factory.mktemp("outputs"))
    bench.run(prompt="a red apple", size=(64, 64), steps=1)
    yield bench
    bench.close()


def test_the_parts_of_a_picture_model(models, pictures, tmp_path):
    pipe = pictures._pipeline._diffusers
    truth = {
        name: sum(parameter.numel() for parameter in getattr(pipe, name).parameters())
        for name in ("text_encoder", "unet", "vae")
    }
    folder = models["stable_diffusion"]
    found = told("stable_diffusion", read_facts(folder), prompt="a")
    assert {part.name: part.elements for part in found.parts} == truth
    original = read_facts(write_original(folder, tmp_path / "model.safetensors"))
    found = told("stable_diffusion", original, prompt="a")
    assert {part.name: part.elements for part in found.parts} == truth
    assert {part.name: part.stored_bytes for part in found.parts} == {n: 2 * truth[n] for n in truth}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_how_often_the_denoiser_is_asked(pictures, models, scheduler):
    net, asked = pictures._pipeline._diffusers.unet, []
    handle = net.register_forward_hook(lambda *_: asked.append(1))
    for steps in (1, 2, 5):
        asked.clear()
        pictures.run(prompt="a", size=(64, 64), steps=steps, scheduler=scheduler)
        assert len(asked) == evaluations(scheduler, steps), steps
    handle.remove()
    stage = told(
        "stable_diffusion", read_facts(models["stable_diffusion"]), prompt="a", steps=5, count=3
    ).stages[1]
    assert stage.repeats == 15


@pytest.mark.parametrize("guidance", [1.0, 7.0])
def test_the_stages_of_a_picture_are_those_of_its_networks(pictures, models, guidance):
    pipe, batch = pictures._pipeline._diffusers, 2 if guidance > 1 else 1
    values = {"prompt": "a", "size": (96, 64), "steps": 3, "count": 2, "guidance": guidance}
    encode, denoise, decode = told(
        "stable_diffusion", read_facts(models["stable_diffusion"]), **values
    ).stages
    assert (encode.repeats, denoise.repeats, decode.repeats) == (batch, 6, 2)
    side = pipe.vae_scale_factor
    latents = torch.zeros(batch, pipe.unet.config.in_channels, 64 // side, 96 // side)
    context = torch.zeros(batch, TOKENS, pipe.unet.config.cross_attention_dim)
    step = trace(pipe.unet, lambda: pipe.unet(latents, 1, context, return_dict=False)[0], (latents, context))
    assert macs(denoise.ops) == pytest.approx(step.macs, rel=0.01)
    assert denoise.alive * 4 == pytest.approx(step.alive, rel=0.1)
    one = latents[:1].clone()
    picture = trace(pipe.vae, lambda: pipe.vae.decode(one, return_dict=False)[0], one)
    assert macs(decode.ops) == pytest.approx(picture.macs, rel=0.01)
    assert decode.alive * 4 == pytest.approx(picture.alive, rel=0.1)
    ids = torch.zeros(1, TOKENS, dtype=torch.long)
    read = trace(pipe.text_encoder, lambda: pipe.text_encoder(ids)[0], ids)
    assert macs(encode.ops) == pytest.approx(read.macs, rel=0.01)


def test_large_pictures_are_decoded_in_tiles(models):
    facts = read_facts(models["stable_diffusion"])
    small = told("stable_diffusion", facts, prompt="a", size=(768, 768)).stages[2]
    large = told("stable_diffusion", facts, prompt="a", size=(776, 776)).stages[2]
    assert small.alive > 3 * small.alive_tiled
    assert large.alive == large.alive_tiled


# --- text -----------------------------------------------------------------------------------------


def test_tokens_of_a_text():
    assert (tokens(""), tokens("a"), tokens("abcd" * 100), tokens("今天天气" * 30)) == (0, 1, 100, 80)
    assert conversation(["abcd" * 10]) < conversation(["abcd" * 10, "abcd"])


def test_an_answer_of_transformers(models, tmp_path):
    """The whole job's operations and memory, with the estimated number of tokens made true."""
    bench = Bench("transformers_text", models["transformers_text"], tmp_path)
    values = {"prompt": "one two three", "mode": "completion", "max_tokens": 40, "temperature": 0.7}
    bench.run(**values)
    net = bench._pipeline._model
    watch = Watch()
    watch.ignore([*net.parameters(), *net.buffers()])
    request = bench.request(**values)
    ids = bench._pipeline._encode(request.values)
    settings = bench._pipeline._settings(request.values, 40)
    with watch, torch.no_grad():
        net.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    bench.close()
    letters = "abcd" * ids.shape[1]  # as many tokens by the estimate
    prompt, generate = told(
        "transformers_text", read_facts(models["transformers_text"]), **values | {"prompt": letters}
    ).stages
    calls = prompt.calls + generate.calls * generate.repeats
    assert generate.repeats == 39
    assert calls == pytest.approx(sum(watch.names.values()), rel=0.25)
    assert max(prompt.alive, generate.alive) * 4 == pytest.approx(watch.peak, rel=0.15)


def test_an_answer_ends_with_the_model(models):
    facts = read_facts(models["transformers_text"])
    _, short = told("transformers_text", facts, prompt="a", max_tokens=100).stages
    _, long = told("transformers_text", facts, prompt="a", max_tokens=32_000).stages
    assert (short.repeats, long.repeats < 4096) == (99, True)
    assert long.alive > short.alive


def test_an_answer_of_llama_cpp(models):
    facts = read_facts(models["gguf_text"])
    reading, writing = told(
        "gguf_text", facts, prompt="abcd" * 300, mode="completion", max_tokens=11, context_length=1024
    ).stages
    tensors = {tensor.name: tensor for tensor in facts.parts["model"].tensors if len(tensor.shape) > 1}
    used = sum(tensor.elements for tensor in tensors.values()) - tensors["token_embd.weight"].elements
    ops = dict(writing.ops)
    weights = sum(op.amount * count for op, count in ops.items() if isinstance(op, Own) and "write" in op.key)
    assert weights == 2 * used, "float32, which takes twice as long as float16"
    assert (ops[Own("gguf.layer", float(LAYERS))], writing.repeats) == (1, 10)
    assert (reading.cache, reading.cached) == (1024 * LAYERS * 2 * WIDTH, 1024)
    looked = [(op, count) for op, count in reading.ops if isinstance(op, Attention)]
    exact = LAYERS * 2 * WIDTH * sum(range(1, 301))
    assert macs(looked) == pytest.approx(exact, rel=0.01)


def test_types_that_nobody_measured_are_taken_for_the_nearest():
    assert {kind: nearest(kind, bits) for kind, bits in MEASURED.items()} == {kind: kind for kind in MEASURED}
    pairs = {
        ("Q5_0", 5.5): "Q5_K",
        ("Q4_1", 5.0): "Q4_0",
        ("IQ4_XS", 4.25): "Q4_K",
        ("IQ4_NL", 4.5): "Q4_K",
        ("MXFP4", 4.25): "Q4_0",
        ("Q2_K", 2.625): "Q4_K",
        ("BF16", 16.0): "F16",
        ("F32", 32.0): "F16",
    }
    assert {pair: nearest(*pair) for pair in pairs} == pairs
    assert nearest("Q5_K", 5.5, ("Q8_0", "Q4_K")) == "Q4_K"


def test_experts_and_windows_of_a_gguf_file():
    def model(**more: Any) -> ModelFacts:
        config = {
            "general.architecture": "gemma2",
            "gemma2.block_count": 4,
            "gemma2.embedding_length": 64,
            "gemma2.attention.head_count": 2,
            "gemma2.context_length": 32_768,
        } | {f"gemma2.{key}": value for key, value in more.items()}
        tensors = [Tensor("token_embd.weight", "Q4_K", (100, 64), 3600)]
        for n in range(4):
            tensors += [Tensor(f"blk.{n}.attn_{k}.weight", "Q4_K", (64, 64), 2304) for k in "qkv"]
            tensors.append(Tensor(f"blk.{n}.ffn_up_exps.weight", "Q8_0", (8, 256, 64), 139_264))
        return ModelFacts(layout="gguf", parts={"model": PartFacts(config=config, tensors=tuple(tensors))})

    def stage(facts: ModelFacts) -> Any:
        return told("gguf_text", facts, prompt="a", context_length=16_384, max_tokens=8).stages[1]

    few = stage(model(expert_count=8, expert_used_count=2))
    amounts = {op.key: op.amount for op, _ in few.ops if isinstance(op, Own)}
    assert sum(op.amount * n for op, n in few.ops if isinstance(op, Own) and op.key == "gguf.write.Q8_0") == (
        4 * 2 * 256 * 64
    )
    assert amounts["gguf.vocabulary"] == 100
    all_of_it = 4 * 128 * 16_384
    assert stage(model()).cache == pytest.approx(all_of_it, rel=0.01)
    near = stage(model(**{"attention.sliding_window": 1024})).cache
    assert near == pytest.approx(all_of_it / 2 * (1 + 1280 / 16_384), rel=0.01)


# --- speech ---------------------------------------------------------------------------------------


def spoken(config: dict[str, Any], length: int) -> None:
    """One sentence of *length* tokens as it is counted and as it is."""
    from transformers import VitsConfig, VitsModel

    torch.manual_seed(0)
    settings = VitsConfig(**config)
    net = VitsModel(settings).eval()
    ids = torch.randint(1, 30, (1, length))
    given = {"attention_mask": torch.ones_like(ids), "speaking_rate": 0.5}
    if settings.num_speakers > 1:
        given["speaker_id"] = 1

    def run() -> Any:
        torch.manual_seed(1)
        return net(ids, **given)

    with torch.no_grad():
        count = run().spectrogram.shape[-1]
    truth = trace(net, run, ids)
    assert disagreements(speak(settings.to_dict(), tokens=length, frames=count), truth) == [], config


NARROW = {"hidden_size": 96, "flow_size": 96, "upsample_initial_channel": 128, "num_hidden_layers": 2}


OTHER = {"use_stochastic_duration_prediction": False, "upsample_rates": [8, 4]} | {
    "upsample_kernel_sizes": [16, 8],
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
}


def test_a_sentence_of_vits():
    spoken(NARROW, 41)
    spoken(NARROW | OTHER, 21)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(12))
def test_sentences_drawn_by_seed(seed):
    draw = random.Random(seed)
    levels = draw.choice([[8, 8, 2, 2], [8, 8, 4], [10, 6, 4], [4, 4]])
    filters = draw.choice([[3, 7, 11], [3, 5], [7]])
    config = {
        "hidden_size": draw.choice([64, 96, 192]),
        "flow_size": draw.choice([64, 192]),
        "num_hidden_layers": draw.randint(1, 6),
        "ffn_dim": draw.choice([128, 768]),
        "upsample_initial_channel": draw.choice([128, 256, 512]),
        "upsample_rates": levels,
        "upsample_kernel_sizes": [2 * rate for rate in levels],
        "resblock_kernel_sizes": filters,
        "resblock_dilation_sizes": [draw.choice([[1, 3, 5], [1, 3]])] * len(filters),
        "use_stochastic_duration_prediction": draw.random() < 0.6,
        "prior_encoder_num_flows": draw.choice([2, 4]),
        "prior_encoder_num_wavenet_layers": draw.choice([2, 4]),
        "num_speakers": draw.choice([1, 5]),
    }
    if config["num_speakers"] > 1:
        config["speaker_embedding_size"] = 32
    spoken(config, draw.choice([31, 81, 201]))


def test_how_long_a_text_becomes():
    config = {"sampling_rate": 16_000, "upsample_rates": [8, 8, 2, 2], "speaking_rate": 1.0}
    assert frames(config, 150, 0.0, 1.0) == 625, "ten seconds"
    assert frames(config, 150, 0.0, 2.0) == 312
    assert frames(config, 45, 1.0, 1.0) == 625, "ideographs take longer"


def test_a_long_text_is_said_in_few_stages(models):
    facts = read_facts(models["vits"])
    text = (
        "A short one. " * 20
        + "And here is one sentence that is a good deal longer than all of the others are."
    )
    found = told("vits", facts, prompt=text)
    assert [stage.repeats for stage in found.stages] == [1, 20]
    assert found.stages[0].alive > found.stages[1].alive
    assert found.parts[0].elements == facts.parts["model"].elements > 0
    alone = told("vits", facts, prompt="A short one.")
    assert [stage.repeats for stage in alone.stages] == [1]


def test_speech_of_hibari_goes_by_characters():
    nothing = ModelFacts(layout="package", parts={})
    (stage,) = told("hibari", nothing, prompt="One. Two is longer.", speed=2.0).stages
    assert dict(stage.ops) == {
        Own("hibari.character", 9.0): 1,
        Own("hibari.sentence", 2.0): 1,
        Own("hibari.first", 1.0): 1,
    }


# --- noise to pictures ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config", [{}, {"nz": 64, "ngf": 32, "image_size": 32, "nc": 1}, {"ngf": 16, "image_size": 256}]
)
def test_a_generator(config):
    from studio.families.dcgan.generator import Config, Generator

    settings = Config(**config)
    with without_data():
        net = Generator(settings).eval()
        noise = torch.zeros(1, settings.nz, 1, 1)
        truth = trace(net, lambda: net(noise), noise)
    assert disagreements(draw(config), truth) == []
    facts = ModelFacts(layout="transformers", parts={"model": PartFacts(config=config, tensors=())})
    found = told("dcgan", facts, count=3)
    assert (found.parts[0].elements, found.stages[0].repeats) == (truth.weights, 3)
