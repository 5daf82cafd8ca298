"""A UNet with fewer channels everywhere: the same network, of a configuration that everybody can load."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch_pruning
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.models.embeddings import get_timestep_embedding

from studio.workshop import examples
from studio.workshop.making import Making

TIMES = 1000


def narrowed(made: Making, unet: Any, amount: float) -> Any:
    """About *amount* of all channels less: as near as the groups of its norms and its heads allow.

    Raises StudioError `workshop.impossible`.
    """
    widths = _widths(unet.config, amount)
    if widths is None:
        raise made.impossible("workshop.reason.widths")
    ratio = 1 - widths[0] / unet.config.block_out_channels[0]
    config = dict(unet.config) | {"block_out_channels": widths}
    made.context.check_cancelled()
    cut = UNet2DConditionModel.from_config(dict(unet.config))
    cut.load_state_dict(unet.state_dict())
    _cut(made, cut, ratio)
    state = cut.state_dict()
    key = "time_embedding.linear_1.weight"
    state[key] = _refitted(state[key], unet.config.block_out_channels[0], widths[0], unet.config)
    for name in state:
        if name.endswith(".to_q.weight"):  # the scale of attention follows from the width of a head
            state[name] = state[name] * math.sqrt(1 - ratio)
    made.context.check_cancelled()
    slim = UNet2DConditionModel.from_config(config)
    try:
        slim.load_state_dict(state)
    except RuntimeError as error:
        raise made.impossible("workshop.reason.widths", str(error)) from error
    return slim.eval()


def _widths(config: Any, amount: float) -> tuple[int, ...] | None:
    """The channels of each level, all of them less by the same share, the one nearest to *amount*."""
    heads = config.num_attention_heads or config.attention_head_dim
    several = heads if isinstance(heads, list | tuple) else (heads,)
    step = math.lcm(config.norm_num_groups, *several)
    levels = config.block_out_channels
    found: list[tuple[float, tuple[int, ...]]] = []
    for width in range(step, levels[0], step):
        others = [level * width / levels[0] for level in levels]
        if all(other % step == 0 for other in others):
            found.append((abs(1 - width / levels[0] - amount), tuple(map(int, others))))
    return min(found)[1] if found else None


def _cut(made: Making, unet: Any, ratio: float) -> None:
    """In place. What a layer's channels are added to, or read by, loses the same ones (torch-pruning)."""
    unet.set_attn_processor(AttnProcessor())  # its steps can be followed
    inner = [block.ff for block in unet.modules() if hasattr(block, "ff") and hasattr(block.ff, "net")]
    heads = {
        layer: attention.heads
        for attention in unet.modules()
        if isinstance(attention, Attention)
        for layer in (attention.to_q, attention.to_k, attention.to_v)
    }
    gates = [feed.net[0].proj for feed in inner]
    for parameter in unet.parameters():
        parameter.requires_grad_()
    pruner = torch_pruning.pruner.MetaPruner(
        unet,
        examples.inputs(unet),
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=ratio,
        ignored_layers=[unet.conv_out, *gates],  # those are done by hand: their outputs come in pairs
        num_heads=heads,
        forward_fn=lambda model, given: model(**given),
        output_transform=lambda output: output.sample.sum(),
    )
    for group in pruner.step(interactive=True):
        made.context.check_cancelled()
        group.prune()
    for feed in inner:
        _cut_gate(feed, ratio)
    for parameter in unet.parameters():
        parameter.requires_grad_(requires_grad=False)


def _cut_gate(feed: Any, ratio: float) -> None:
    """A layer whose first half of outputs is gated by its second."""
    first, second = feed.net[0].proj, feed.net[2]
    values, gates = first.weight.data.chunk(2)
    importance = values.norm(dim=1) * gates.norm(dim=1) * second.weight.data.norm(dim=0)
    kept = importance.topk(round(len(values) * (1 - ratio))).indices.sort().values
    both = torch.cat([kept, kept + len(values)])
    first.weight = torch.nn.Parameter(first.weight.data[both])
    if first.bias is not None:
        first.bias = torch.nn.Parameter(first.bias.data[both])
    second.weight = torch.nn.Parameter(second.weight.data[:, kept])


def _refitted(weight: torch.Tensor, old: int, new: int, config: Any) -> torch.Tensor:
    """What reads the time from fewer waves: the matrix that comes nearest to the old one at every time."""
    times = torch.arange(TIMES)

    def waves(width: int) -> torch.Tensor:
        return get_timestep_embedding(
            times, width, flip_sin_to_cos=config.flip_sin_to_cos, downscale_freq_shift=config.freq_shift
        )

    return torch.linalg.lstsq(waves(new), waves(old) @ weight.T).solution.T.contiguous()
