"""Why an accelerator that is there cannot be used, and what to do: from its facts and torch's build alone."""

from __future__ import annotations

import re

from msgspec import Struct

from studio.domain.machine import Accelerator, TorchBuild

# The oldest driver that runs what was built for a CUDA, by its first number, as NVIDIA's release notes say.
OLDEST_DRIVER = {11: "450.80", 12: "525.60", 13: "580.65"}
TORCH_KINDS = ("cuda", "rocm", "xpu", "mps")


class Verdict(Struct, frozen=True):
    """Text keys, and the values of their placeholders. `fix` is "" where nothing helps."""

    reason: str
    fix: str = ""
    values: dict[str, str] = {}


def explain(card: Accelerator, build: TorchBuild | None) -> Verdict | None:
    """What keeps *card* from being used, None if nothing is known that does. *build* None: no torch."""
    if card.usable is False and card.reason:  # seen before any trial: no driver, nothing that computes on it
        return Verdict(card.reason, card.fix, card.values)
    if card.kind not in TORCH_KINDS:
        return Verdict("machine.reason.no_compute")
    if build is None:
        return Verdict("machine.reason.no_torch", "machine.fix.install")
    if build.kind != card.kind:
        values = {"torch": build.version, "build": _WORDS[build.kind], "card": _WORDS[card.kind]}
        if build.kind == "cpu":
            return Verdict("machine.reason.cpu_build", "machine.fix.install", values)
        return Verdict("machine.reason.other_build", "machine.fix.install", values)
    return (_old_driver(card, build) if card.kind == "cuda" else None) or _no_kernels(card, build)


_WORDS = {"cuda": "CUDA", "rocm": "ROCm", "xpu": "XPU", "mps": "MPS", "cpu": "CPU"}


def _old_driver(card: Accelerator, build: TorchBuild) -> Verdict | None:
    major = re.match(r"(\d+)\.", build.cuda or "")
    needed = OLDEST_DRIVER.get(int(major[1])) if major else None
    if needed is None or card.driver is None:
        return None
    has, needs = numbers(card.driver), numbers(needed)
    if not has or has >= needs:
        return None
    values = {"driver": card.driver, "needed": needed, "torch": build.version, "cuda": build.cuda or ""}
    return Verdict("machine.reason.old_driver", "machine.fix.newer_driver", values)


def _no_kernels(card: Accelerator, build: TorchBuild) -> Verdict | None:
    if card.arch is None or not build.architectures or covers(build.architectures, card.arch):
        return None
    values = {"arch": card.arch, "torch": build.version}
    if card.kind == "cuda" and _sm(card.arch) < min(map(_sm, build.architectures)):
        return Verdict("machine.reason.no_kernels", "machine.fix.older_torch", values)
    return Verdict("machine.reason.no_kernels", "machine.fix.newer_torch", values)


def covers(architectures: tuple[str, ...], arch: str) -> bool:
    """Whether kernels built for *architectures* run on *arch*.

    NVIDIA's run on every later minor version of the same major one, those in intermediate form on
    everything later; what ends in a letter, and all of AMD's, runs on exactly that.
    """
    if not arch.startswith("sm_"):
        return arch in architectures
    wanted = _sm(arch)
    for built in architectures:
        if built == arch:
            return True
        if re.fullmatch(r"sm_\d+", built) and _sm(built)[0] == wanted[0] and _sm(built) <= wanted:
            return True
        if re.fullmatch(r"compute_\d+", built) and _sm(built) <= wanted:
            return True
    return False


def _sm(arch: str) -> tuple[int, int]:
    """(12, 0) for "sm_120", "compute_120" and "sm_120a"."""
    found = re.fullmatch(r"(?:sm|compute)_(\d+)(\d)[a-z]?", arch)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
