"""The reference networks, whole: built from their configurations, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import torch

from studio.domain.cost.references import REFERENCES, Net
from studio.domain.measurement import Reference, Setting
from studio.engine.bench.bench import Bench

PICTURES = ("UNet2DConditionModel", "AutoencoderKL")  # made of convolutions: the memory format matters


def references(bench: Bench, precisions: list[str], threads: list[int]) -> list[Reference]:
    """Seconds of a step of each network in each setting, as far as the time goes: the plain ones first.

    Further *threads* are tried for the denoiser, in its best setting.
    """
    found: list[Reference] = []
    models: dict[str, Any] = {}
    for precision in precisions:
        for channels_last in (False, True):
            setting = Setting(precision=precision, channels_last=channels_last, threads=threads[0])
            for name, net in REFERENCES.items():
                if net.kind in PICTURES or not channels_last:
                    _measure(bench, name, models, setting, found)
    for count in threads[1:]:
        _measure(bench, "denoiser", models, msgspec.structs.replace(best(found), threads=count), found)
    return found


def best(found: list[Reference]) -> Setting:
    """The quickest setting of a denoiser. Raises ValueError when none was measured."""
    return min((one for one in found if one.net == "denoiser"), key=lambda one: one.seconds).setting


def _measure(
    bench: Bench, name: str, models: dict[str, Any], setting: Setting, found: list[Reference]
) -> None:
    before = [one.seconds for one in found if one.net == name]
    if found and bench.left < 4 * max(before, default=0.0):  # the very first is measured in any case
        bench.skip(name, setting.precision, setting.channels_last, setting.threads)
        return
    net = REFERENCES[name]
    key = repr((net.kind, net.config))  # two nets may be one model
    if key not in models:
        bench.check_cancelled()
        models[key] = build(net).to(bench.device)
    torch.set_num_threads(setting.threads)
    try:
        seconds = bench.seconds(step(net, in_setting(models[key], setting), bench.device))
    finally:
        torch.set_num_threads(bench.threads)
    found.append(Reference(net=name, setting=setting, seconds=seconds))


def in_setting(model: Any, setting: Setting) -> Any:
    """*model* in the setting's type and format. Past diffusers' own `to`, which warns of what is meant."""
    dtype = getattr(torch, setting.precision)
    memory = torch.channels_last if setting.channels_last else torch.contiguous_format
    for parameter in model.parameters():
        shaped = memory if parameter.dim() == 4 else torch.contiguous_format
        parameter.data = parameter.data.to(dtype, memory_format=shaped)
    return model


def build(net: Net) -> Any:
    import diffusers
    import transformers

    kind = getattr(diffusers, net.kind, None) or getattr(transformers, net.kind)
    if net.kind in PICTURES:
        return kind.from_config(net.config).eval()
    return kind(kind.config_class(**net.config)).eval()


def step(net: Net, model: Any, device: str) -> Callable[[], object]:
    """One step of *model* with inputs of the net's sizes."""
    sizes, config = net.values, net.config
    dtype = next(model.parameters()).dtype
    if net.kind == "AutoencoderKL":
        shape = (sizes["batch"], config["latent_channels"], sizes["height"], sizes["width"])
        latents = torch.randn(shape).to(device, dtype)
        return lambda: model.decode(latents)
    if net.kind == "UNet2DConditionModel":
        shape = (sizes["batch"], config["in_channels"], sizes["height"], sizes["width"])
        latents = torch.randn(shape).to(device, dtype)
        words = torch.randn(sizes["batch"], sizes["tokens"], config["cross_attention_dim"]).to(device, dtype)
        time = torch.tensor(500, device=device)
        return lambda: model(latents, time, encoder_hidden_states=words, return_dict=False)
    tokens = torch.ones(1, sizes["tokens"], dtype=torch.long, device=device)
    if "context" not in sizes:
        return lambda: model(tokens, use_cache=True, logits_to_keep=1)
    length = sizes["context"]
    cache = model(torch.ones(1, length, dtype=torch.long, device=device), use_cache=True).past_key_values

    def write() -> None:
        model(tokens, past_key_values=cache, use_cache=True)
        cache.crop(-sizes["tokens"])  # the next step finds it as this one did

    return write
