"""What torch's compiler makes of the small denoiser, tried in a process of its own: it may hang, or crash.

    python -m studio.engine.bench.compiling DEVICE PRECISION MEMORY_FORMAT THREADS

prints a `Compiler` as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import msgspec

from studio.domain.measurement import Compiler, Setting
from studio.engine.bench.bench import Bench

SECONDS = 240.0  # that it may take; then it is not worth it
LOOK = 0.1
RUNS = 7
CONTIGUOUS, LAST = "contiguous", "channels_last"


def trial(bench: Bench, setting: Setting) -> Compiler:
    """In the *setting* that was the quickest without it. Raises Cancelled."""
    order = LAST if setting.channels_last else CONTIGUOUS
    command = [sys.executable, "-m", __name__, bench.device, setting.precision, order, str(setting.threads)]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    began = time.perf_counter()
    try:
        while child.poll() is None:
            bench.check_cancelled()
            if time.perf_counter() - began > SECONDS:
                return Compiler(reason=f"it took more than {SECONDS:.0f} s")
            time.sleep(LOOK)
    finally:
        child.kill()
        answer, _ = child.communicate()
    if child.returncode:
        return Compiler(reason=f"it crashed (exit code {child.returncode})")
    return msgspec.json.decode(answer.splitlines()[-1], type=Compiler)


def main(device: str, setting: Setting) -> None:
    import torch

    from studio.domain.cost.references import REFERENCES
    from studio.engine.bench import nets

    torch.set_num_threads(setting.threads)
    net = REFERENCES["denoiser"]
    model = nets.in_setting(nets.build(net).to(device), setting)
    step = nets.step(net, model, device)

    def seconds() -> float:
        began = time.perf_counter()
        step()
        if device != "cpu":
            getattr(torch, device.partition(":")[0]).synchronize()
        return time.perf_counter() - began

    def usual() -> float:
        return sorted(seconds() for _ in range(RUNS))[RUNS // 4]

    with torch.no_grad():
        seconds()
        plain = usual()
        try:
            model.compile_repeated_blocks(fullgraph=True)
            first = seconds()
        except Exception as error:  # noqa: BLE001 - whatever keeps it from compiling is the answer
            found = Compiler(reason=str(error).strip().partition("\n")[0] or type(error).__name__)
        else:
            compiled = usual()
            found = Compiler(ratio=compiled / plain, seconds=max(0.0, first - compiled))
    os.write(1, json.dumps(msgspec.to_builtins(found)).encode() + b"\n")


if __name__ == "__main__":
    _, where, precision, order, count = sys.argv
    main(where, Setting(precision=precision, channels_last=order == LAST, threads=int(count)))
