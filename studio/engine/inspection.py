"""Looks at torch modules: how a model lies in memory, whatever was asked for, and what it runs one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

PROCESSORS = {"AttnProcessor": "eager", "OneHead": "sliced"}
"""By class, ways to compute attention that are not torch's own."""

LARGE = 200_000_000  # parameters: a look at every leaf is nothing beside the work of one
PARTS, BLOCKS, LAYERS = "model", "group", "sequential"


def look(parts: Mapping[str, Any], main: str) -> dict[str, Any]:
    """Fields of `Loaded`, of the torch modules *parts*. *main*: the part whose attention counts."""
    sizes = {name: _types(module) for name, module in parts.items()}
    return {
        "precision": {
            name: max(by_type, key=by_type.__getitem__) for name, by_type in sizes.items() if by_type
        },
        "weight_bytes": {name: sum(by_type.values()) for name, by_type in sizes.items()},
        "memory_format": _memory_format(parts[main]),
        "attention": attention(parts[main]),
        "offload": _offload(parts.values()),
        "compile": compiled(parts[main]),
    }


def _types(module: Any) -> Counter[str]:
    """Bytes by the type of the weights."""
    found: Counter[str] = Counter()
    for weights in module.parameters():
        found[str(weights.dtype).removeprefix("torch.")] += weights.numel() * weights.element_size()
    return found


def _memory_format(module: Any) -> str:
    """Of the filters; those of one tap lie alike in both."""
    import torch

    filters = [weights for weights in module.parameters() if weights.dim() == 4 and weights.shape[-1] > 1]
    last = filters and all(each.is_contiguous(memory_format=torch.channels_last) for each in filters)
    return "channels_last" if last else "contiguous"


def attention(module: Any) -> str:
    """ "" where *module* has none that anybody could choose."""
    if kernel := getattr(module, "attention_kernel", ""):
        return kernel
    if processors := getattr(module, "attn_processors", None):
        kinds = {PROCESSORS.get(type(each).__name__, "sdpa") for each in processors.values()}
        return kinds.pop() if len(kinds) == 1 else "sdpa"
    return getattr(getattr(module, "config", None), "_attn_implementation", None) or ""


def _offload(modules: Any) -> str:
    """By the hooks of those that move them."""
    for module in modules:
        for each in module.modules():
            if _group_hook(each):
                return BLOCKS
            match type(getattr(each, "_hf_hook", None)).__name__:
                case "CpuOffload":
                    return PARTS
                case "AlignDevicesHook" | "SequentialHook":
                    return LAYERS
                case _:
                    pass
    return "none"


def _group_hook(module: Any) -> bool:
    registry = getattr(module, "_diffusers_hook", None)
    return registry is not None and registry.get_hook("group_offloading") is not None


def compiled(module: Any) -> bool:
    """Whether it or something in it is."""
    return any(map(_is_compiled, module.modules()))


def _is_compiled(module: Any) -> bool:
    own = getattr(module, "_orig_mod", None), getattr(module, "_compiled_call_impl", None)
    return any(each is not None for each in own)


def blocks(module: Any) -> list[Any]:
    """The parts of *module* that run one after another: the items of its lists, and of the lists in those.

    Not deeper in a small one: each look costs about 10 microseconds, and the parts of a part are over
    soon. Of a large one the leaves, since one block may take seconds; without lists, too. Nothing that is
    compiled, since whatever is hung on it is compiled with it.
    """
    import torch

    closed = {each for outer in module.modules() if _is_compiled(outer) for each in outer.modules()}

    def items(parent: Any, depth: int) -> Iterator[Any]:
        for child in parent.children():
            listed = isinstance(parent, torch.nn.ModuleList | torch.nn.Sequential)
            if listed:
                yield child
            if depth > listed:
                yield from items(child, depth - listed)

    large = sum(parameter.numel() for parameter in module.parameters()) >= LARGE
    found = [] if large else list(items(module, 2))
    found = found or [each for each in module.modules() if next(each.children(), None) is None]
    return [each for each in found if each not in closed]
