"""The sample family's engine half."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from studio.domain.failure import StudioError

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

SIZE = 16


class Block(torch.nn.Module):
    """A layer that takes its time, as a block of a large network does."""

    seconds = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        return torch.tanh(self.mix(x))


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(Block() for _ in range(20))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Pipeline:
    def __init__(self, context: Context, model: ModelSource | None) -> None:
        if os.environ.get("SAMPLE_SLOW_LOAD"):
            for n in range(600):
                context.progress(n / 600)
                time.sleep(0.1)
        torch.manual_seed(0)
        self._net = Net().to(context.device).eval()
        self._weights: dict[str, torch.Tensor] = {}
        if model is not None and model.path:
            self._weights = load_file(model.path, device="cpu")
            # Read for good: a memory-mapped file would come and go with the system's needs.
            self._weights = {name: tensor.clone() for name, tensor in self._weights.items()}

    def run(self, context: Context, request: Request) -> None:
        context.phase("denoise")
        getattr(self, request.values["act"])(context, request.values)

    def close(self) -> None:
        del self._net
        self._weights.clear()

    # --- what jobs do -----------------------------------------------------------------------------

    @torch.inference_mode()
    def picture(self, context: Context, values: dict[str, Any]) -> None:
        for index in range(values["count"]):
            seed = values["seed"] + index
            latents = torch.randn(1, 4, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
            for i in range(values["steps"]):
                latents = self._net(latents) + latents
                context.step(i + 1, values["steps"], latents, index=index)
            pixels = (latents[0, :3].sigmoid() * 255).to(torch.uint8).permute(1, 2, 0).numpy()
            context.phase("save")
            context.save_image(Image.fromarray(pixels), index=index, seed=seed)

    def print(self, context: Context, values: dict[str, Any]) -> None:
        """Everything a library might do to the standard streams."""
        print("a careless print")
        sys.stdout.write("\x00\x00\x00\x05" * 100)
        os.write(1, b"straight to descriptor 1\n" * 100)
        os.system("echo from a child")
        assert sys.stdin.read() == ""
        self.picture(context, values)

    def busy(self, context: Context, values: dict[str, Any]) -> None:
        """Steps that hold a processor."""
        for i in range(values["steps"]):
            end = time.monotonic() + values["seconds"]
            while time.monotonic() < end:
                torch.randn(200, 200) @ torch.randn(200, 200)
            context.step(i + 1, values["steps"])

    def hook(self, context: Context, values: dict[str, Any]) -> None:
        """One step as long as twenty times `seconds`."""
        Block.seconds = values["seconds"]
        try:
            with context.guard(self._net), torch.inference_mode():
                self._net(torch.zeros(1, 4, SIZE, SIZE))
        finally:
            Block.seconds = 0.0

    def swallow(self, context: Context, values: dict[str, Any]) -> None:
        """A library that turns its callback's exception into one of its own."""
        try:
            self.busy(context, values)
        except BaseException as error:
            raise RuntimeError("the callback failed") from error

    def ram(self, context: Context, values: dict[str, Any]) -> None:
        torch.empty(2**50, dtype=torch.uint8)

    def missing(self, context: Context, values: dict[str, Any]) -> None:
        load_file("/nowhere/at/all.safetensors")

    def exit(self, context: Context, values: dict[str, Any]) -> None:
        sys.exit("a library that thinks it is a program")

    def poison(self, context: Context, values: dict[str, Any]) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    def nan(self, context: Context, values: dict[str, Any]) -> None:
        context.save_audio(np.full(100, np.nan, dtype=np.float32), 8000)

    def flat(self, context: Context, values: dict[str, Any]) -> None:
        context.save_image(Image.new("RGB", (SIZE, SIZE)))

    def connect(self, context: Context, values: dict[str, Any]) -> None:
        socket.create_connection(("192.0.2.1", 80), timeout=5)

    def sound(self, context: Context, values: dict[str, Any]) -> None:
        wave = np.sin(np.arange(2400, dtype=np.float32) / 10) * 0.5
        context.save_audio(wave, 24000, format=values["format"])

    def write(self, context: Context, values: dict[str, Any]) -> None:
        for word in ("one ", "two ", "三"):
            context.text(word)
        context.tokens(prompt=3, generated=3, per_second=30.0, context=64)
        context.finish("stop")
        context.save_text("one two 三")
        raise_at = values["prompt"]
        if raise_at == "fail":
            raise StudioError("param.invalid", name="parameter.prompt", reason="parameter.invalid.empty")
