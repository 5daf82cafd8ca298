"""Parts of the engine on their own, where a process would hide the corner."""

from __future__ import annotations

import errno
import threading
import time

import pytest
import torch
from safetensors import SafetensorError

from studio.domain.failure import Failure, StudioError
from studio.domain.model import ModelSource
from studio.engine import memory, slot
from studio.engine.failures import explain
from studio.engine.inspection import blocks
from studio.engine.pace import INTERVAL, Pace
from studio.engine.save import slug
from studio.engine.slot import Key, Slot
from studio.wire.messages import FromEngine, PhaseProgress


def progress(step: int) -> PhaseProgress:
    return PhaseProgress(job="j", phase="p", step=step)


# --- pace -------------------------------------------------------------------------------------------


def paced() -> tuple[Pace, list[tuple[float, FromEngine]]]:
    sent: list[tuple[float, FromEngine]] = []
    return Pace(lambda message, _: sent.append((time.monotonic(), message))), sent


def test_the_last_one_arrives_though_nothing_follows() -> None:
    pace, sent = paced()
    for step in range(5):
        pace.offer("p", progress(step))
    deadline = time.monotonic() + 10
    while len(sent) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [message.step for _, message in sent] == [0, 4]
    assert sent[1][0] - sent[0][0] >= INTERVAL * 0.99


def test_keys_do_not_wait_for_each_other() -> None:
    pace, sent = paced()
    pace.offer("a", progress(1))
    pace.offer("b", progress(2))
    assert [message.step for _, message in sent] == [1, 2]


def test_after_a_flush_nothing_comes() -> None:
    pace, sent = paced()
    for step in range(3):
        pace.offer("p", progress(step))
    pace.flush()
    time.sleep(INTERVAL * 3)
    assert [message.step for _, message in sent] == [0, 2]


def test_what_is_dropped_never_comes_and_the_next_goes_at_once() -> None:
    pace, sent = paced()
    pace.offer("p", progress(0))
    pace.offer("p", progress(1))
    pace.drop("p")
    pace.offer("p", progress(2))
    pace.flush()
    assert [message.step for _, message in sent] == [0, 2]


def test_many_threads_never_reorder() -> None:
    pace, sent = paced()
    for step in range(300):
        pace.offer("p", progress(step))
        time.sleep(0.001)
    pace.flush()
    steps = [message.step for _, message in sent]
    assert steps == sorted(steps)
    assert steps[-1] == 299
    assert not [
        t for t in threading.enumerate() if isinstance(t, threading.Timer) and not t.finished.is_set()
    ]


# --- slot -------------------------------------------------------------------------------------------


class Model:
    closed = 0

    def close(self) -> None:
        self.closed += 1


def key(name: str, size: int = 0, **changes: object) -> Key:
    source = ModelSource(id=name, family="f", bytes=size)
    return Key(**{"family": "f", "model": source, "device": "cpu", "threads": 1, "built": "", **changes})


def test_the_slot_keeps_what_was_used_last() -> None:
    two = Slot(capacity=2)
    a, b, c = Model(), Model(), Model()
    assert two.acquire(key("a"), lambda: a) is a
    two.acquire(key("b"), lambda: b)
    assert two.acquire(key("a"), pytest.fail) is a
    two.acquire(key("c"), lambda: c)
    assert two.resident == ("a", "c")
    assert (a.closed, b.closed, c.closed) == (0, 1, 0)
    two.forget()
    assert (a.closed, b.closed, c.closed) == (1, 1, 1)


def test_memory_is_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "available_bytes", lambda: 100)
    two = Slot(capacity=2)
    two.acquire(key("a", 60), Model)
    two.acquire(key("b", 101), Model)
    assert two.resident == ("b",)


@pytest.mark.parametrize("change", [{"device": "cuda:0"}, {"threads": 2}, {"built": "float32"}])
def test_another_device_or_precision_is_another_model(change: dict) -> None:
    one = Slot()
    first = one.acquire(key("a"), Model)
    assert one.acquire(key("a", **change), Model) is not first
    assert first.closed == 1


@pytest.mark.logs
def test_a_model_that_cannot_close_is_forgotten_all_the_same() -> None:
    class Stuck:
        def close(self) -> None:
            raise RuntimeError("no")

    one = Slot()
    one.acquire(key("a"), Stuck)
    one.forget()
    assert one.resident == ()


def test_a_load_that_fails_leaves_nothing() -> None:
    one = Slot()

    def load() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such"):
        one.acquire(key("a"), load)
    assert one.resident == ()


# --- failures ---------------------------------------------------------------------------------------


def raised(error: BaseException) -> Failure:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - that is what it is for
        return explain(caught, device="cuda:0", name="Poet")


CUDA = "Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB"
CPU = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (torch.OutOfMemoryError(f"CUDA out of memory. {CUDA}"), "oom.gpu"),
        (RuntimeError("CUDA error: out of memory"), "oom.gpu"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), "oom.gpu"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "oom.gpu"),
        (RuntimeError(CPU), "oom.ram"),
        (RuntimeError("std::bad_alloc"), "oom.ram"),
        (MemoryError(), "oom.ram"),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), "device.lost"),
        (RuntimeError("CUDA error: unspecified launch failure"), "device.lost"),
        (RuntimeError("level_zero backend failed with error: UR_RESULT_ERROR_DEVICE_LOST"), "device.lost"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "disk.full"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/m/unet.safetensors"), "model.missing_file"),
        (OSError("Error no file named model.safetensors found in directory /m."), "model.missing_file"),
        (OSError("/m does not appear to have a file named config.json. Checkout"), "model.missing_file"),
        (SafetensorError("Error while deserializing header: HeaderTooLarge"), "model.hash_mismatch"),
        (RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'"), "quant.unsupported"),
        (StudioError("model.gated", name="x", url="y"), "model.gated"),
        (OSError(errno.EIO, "Input/output error"), "internal"),
        (KeyError("unet"), "internal"),
        (SystemExit(1), "internal"),
    ],
)
def test_every_exception_has_one_code(error: BaseException, code: str) -> None:
    failure = raised(error)
    assert failure.code == code
    assert "{" not in failure.message + failure.hint
    assert failure.poison == (code == "device.lost")
    assert failure.retryable == (code in ("oom.gpu", "oom.ram", "device.lost", "disk.full"))
    assert "test_parts.py" in failure.details


def test_an_allocation_that_really_fails() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert raised(caught.value).code == "oom.ram"


def test_values_are_always_json() -> None:
    failure = raised(StudioError("disk.full", path=errno))
    assert isinstance(failure.values["path"], str)


# --- the rest ---------------------------------------------------------------------------------------


def test_blocks_are_what_runs_one_after_another() -> None:
    linear = torch.nn.Linear(2, 2)
    assert blocks(linear) == [linear]
    first, second = torch.nn.Linear(2, 2), torch.nn.ReLU()
    assert blocks(torch.nn.Sequential(first, second)) == [first, second]
    compiled = torch.nn.Sequential(first)
    compiled._compiled_call_impl = lambda x: x
    assert blocks(compiled) == []


@pytest.mark.parametrize("sampled", [False, True])
def test_the_peak_is_seen_though_it_has_passed(monkeypatch: pytest.MonkeyPatch, sampled: bool) -> None:
    if sampled:
        monkeypatch.setattr(memory, "_reset_peak", lambda: False)
    before = memory.ram_bytes()
    peak = memory.PeakRam()
    block = bytearray(80_000_000)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(0.3)
    del block
    assert peak.stop() >= before + 60_000_000


@pytest.mark.parametrize(
    ("prompt", "name"), [("A  B", "a-b"), ("--", ""), ("e\u0301", "é"), ("x" * 39 + " yy", "x" * 39)]
)
def test_slugs(prompt: str, name: str) -> None:
    assert slug(prompt) == name
