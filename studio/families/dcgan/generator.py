"""The generator of Radford et al. (2015), as the DCGAN tutorials build it."""

from __future__ import annotations

from typing import Annotated

import torch
from msgspec import Meta, Struct

FIRST = 4  # pixels of the first layer's output; every further layer doubles them


class Config(Struct, frozen=True, kw_only=True):
    """`nz` random numbers become `nc` colours at `image_size` pixels; `ngf` is the last layer's width."""

    nz: Annotated[int, Meta(ge=1, le=4096)] = 100
    ngf: Annotated[int, Meta(ge=1, le=1024)] = 64
    nc: Annotated[int, Meta(ge=1, le=3)] = 3
    image_size: Annotated[int, Meta(ge=2 * FIRST, le=1024)] = 64


class Generator(torch.nn.Module):
    """Noise (batch, nz, 1, 1) to pictures (batch, nc, image_size, image_size) in -1..1."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        doublings = (config.image_size // FIRST).bit_length() - 1
        if FIRST << doublings != config.image_size:
            raise ValueError(f"image_size {config.image_size} is not {FIRST} doubled some times")
        layers: list[torch.nn.Module] = []
        channels = config.nz
        for left in reversed(range(doublings)):
            features = config.ngf << left
            layers += [
                _doubling(channels, features) if layers else _first(channels, features),
                torch.nn.BatchNorm2d(features),
                torch.nn.ReLU(inplace=True),
            ]
            channels = features
        layers += [_doubling(channels, config.nc), torch.nn.Tanh()]
        self.main = torch.nn.Sequential(*layers)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.main(noise)


def _first(inputs: int, outputs: int) -> torch.nn.Module:
    return torch.nn.ConvTranspose2d(inputs, outputs, FIRST, 1, 0, bias=False)


def _doubling(inputs: int, outputs: int) -> torch.nn.Module:
    return torch.nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
