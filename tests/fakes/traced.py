"""What a real module does, seen from below: the truth that `studio/domain/cost` is held against.

Modules are built of tensors without data (FakeTensorMode), which pass through the same operations as
real ones on the CPU, so that a network of ten gigabytes is traced in a second.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from studio.domain.cost.ops import Walk, macs

# Operations that give another look at the same memory, or only ask about it, and cost next to nothing.
_VIEWS = """
    view _unsafe_view _reshape_alias expand permute transpose t unsqueeze squeeze slice select split chunk
    unbind as_strided alias detach unfold lift_fresh split_with_sizes device is_pinned sym_size
"""
VIEWS = frozenset(_VIEWS.split())


class Trace(NamedTuple):
    """`macs`: multiply-adds. `calls`: operations that are not views. `alive`: most bytes of tensors made
    inside, and of the inputs, that existed at once. `weights`: elements of parameters.
    """

    macs: float
    calls: int
    alive: int
    weights: int
    names: Counter[str]


class Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.live = self.peak = 0
        self._known: dict[int, Any] = {}

    def ignore(self, tensors: Any) -> None:
        """Weights are not activations."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            self._known[id(storage)] = storage

    def hold(self, value: Any) -> None:
        for tensor in tree_iter(value):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if id(storage) not in self._known:
                    size, key = storage.nbytes(), id(storage)
                    self._known[key] = weakref.ref(storage)
                    weakref.finalize(storage, self._free, key, size).atexit = False
                    self.live += size
        self.peak = max(self.peak, self.live)

    def _free(self, key: int, size: int) -> None:
        self.live -= size
        del self._known[key]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__.partition(".")[0]
        result = func(*args, **(kwargs or {}))
        if name not in VIEWS:
            self.names[name] += 1
        self.hold(result)
        return result


_CPU_FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_GROUPED = torch.ops.aten._grouped_mm


def _grouped_flops(rows: Any, weights: Any, *_args: Any, **_more: Any) -> int:
    """(rows, inputs) through one of (experts, inputs, outputs) each."""
    return 2 * rows[0] * weights[1] * weights[2]


def _attention_flops(
    query: Any, key: Any, value: Any, _dropout: float = 0.0, is_causal: bool = False, **_more: Any
) -> int:
    """Shapes (batch, heads, tokens, width). Fewer heads of keys are shared; a causal one does half."""
    key, value = (torch.Size((*query[:2], *shape[2:])) for shape in (key, value))
    flops = sdpa_flop_count(query, key, value)
    return flops * (key[2] + 1) // 2 // key[2] if is_causal else flops


@contextlib.contextmanager
def without_data() -> Iterator[None]:
    """What is built within has shapes and no memory."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        yield


def trace(module: torch.nn.Module, run: Callable[[], Any], inputs: Any = ()) -> Trace:
    """Calls *run*, which uses *module* and *inputs*. Within `without_data` or with real tensors."""
    watch = Watch()
    watch.ignore([*module.parameters(), *module.buffers()])
    flops = FlopCounterMode(
        display=False, custom_mapping={_CPU_FLASH: _attention_flops, _GROUPED: _grouped_flops}
    )
    with torch.no_grad():
        with watch:
            watch.hold(inputs)
            del inputs  # so that what *run* lets go of is gone
            result = run()
            del result
        with flops:
            run()
    return Trace(
        macs=flops.get_total_flops() / 2,
        calls=sum(watch.names.values()),
        alive=watch.peak,
        weights=sum(parameter.numel() for parameter in module.parameters()),
        names=watch.names,
    )


def disagreements(walk: Walk, truth: Trace, *, bytes_each: float = 4.0) -> list[str]:
    """Where a count is further from the truth than planning can bear; none when it agrees."""
    found = {
        "multiply-adds": (macs(walk.ops), truth.macs, 0.01),
        "calls": (walk.calls, truth.calls, 0.25),
        "bytes alive": (walk.alive * bytes_each, truth.alive, 0.10),
    }
    return [
        f"{what}: {counted:.4g} counted, {true:.4g} true"
        for what, (counted, true, bar) in found.items()
        if abs(counted - true) > bar * true
    ]
