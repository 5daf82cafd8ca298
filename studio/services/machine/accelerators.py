"""Every accelerator that the system shows. Whether they can compute is the engine's to try: see `tried`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from studio.domain.machine import Accelerator, Machine, TorchBuild
from studio.domain.usability import explain
from studio.services.machine import amd, nvidia, others, pci
from studio.services.machine.sources import Sources
from studio.wire.messages import DeviceState


def read(sources: Sources, system: dict[str, str]) -> tuple[Accelerator, ...]:
    """GPUs first, cards before what is part of the processor."""
    match system.get("system"):
        case "linux":
            devices = pci.devices(sources)
            cuda = nvidia.read(sources, devices)
            gpus = (
                *cuda,
                *amd.read(sources, devices, beside_cuda=any(card.device for card in cuda)),
                *others.intel(sources, devices),
            )
            found = (*gpus, *others.processing(devices), *others.tpus(sources))
        case "win32":
            cuda = nvidia.read(sources, None)
            found = (*cuda, *others.windows(sources, beside_cuda=any(card.device for card in cuda)))
        case "darwin":
            found = others.apple(sources, system)
        case _:
            return ()
    return (*found, *others.opencl(sources, found))


def tried(machine: Machine, states: Iterable[DeviceState], build: TorchBuild | None = None) -> Machine:
    """*machine* with what the engine found when it tried its devices, also those that nobody saw before."""
    by_device = {state.device: state for state in states if state.device != "cpu"}
    cards = [_tried(card, _take(by_device, card, build), build) for card in machine.accelerators]
    cards += [_found(state, build) for state in by_device.values()]
    return msgspec.structs.replace(machine, accelerators=tuple(cards))


def _take(states: dict[str, DeviceState], card: Accelerator, build: TorchBuild | None) -> DeviceState | None:
    """What was tried as *card*. torch says "cuda" to AMD's too, so its build tells whose they are."""
    if card.device is None or (build is not None and build.kind != card.kind):
        return None
    return states.pop(card.device, None)


def _tried(card: Accelerator, state: DeviceState | None, build: TorchBuild | None) -> Accelerator:
    if state is not None and state.usable:
        return msgspec.structs.replace(
            card, usable=True, reason="", fix="", values={}, **_memory(card, state)
        )
    verdict = explain(card, build)
    if verdict is not None:
        reason, fix, values = verdict.reason, verdict.fix, verdict.values
    else:
        reason, fix, values = state.reason if state else "machine.reason.no_compute", "", {}
    memory = _memory(card, state) if state else {}
    return msgspec.structs.replace(card, usable=False, reason=reason, fix=fix, values=values, **memory)


def _memory(card: Accelerator, state: DeviceState) -> dict[str, int | None]:
    return {
        "memory_total_bytes": state.memory_total_bytes or card.memory_total_bytes,
        "memory_free_bytes": state.memory_free_bytes or card.memory_free_bytes,
    }


def _found(state: DeviceState, build: TorchBuild | None) -> Accelerator:
    kind = state.device.partition(":")[0]
    return Accelerator(
        kind="rocm" if kind == "cuda" and build is not None and build.kind == "rocm" else kind,
        vendor="",
        name=state.name,
        memory_total_bytes=state.memory_total_bytes,
        memory_free_bytes=state.memory_free_bytes,
        usable=state.usable,
        device=state.device,
        reason=state.reason,
    )
