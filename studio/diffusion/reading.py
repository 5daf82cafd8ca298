"""The progress of transformers' own loading, and a way out of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm
from transformers.utils import logging

if TYPE_CHECKING:
    from studio.engine.context import Context


@contextmanager
def reading(context: Context) -> Iterator[None]:
    """What the library would draw as a bar goes to *context*, which may raise Cancelled there."""

    class Bar(tqdm):  # pyright: ignore[reportMissingTypeArgument]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"disable": True}))

        def __iter__(self) -> Iterator[Any]:
            total = len(self.iterable)
            for n, item in enumerate(self.iterable, 1):
                yield item
                context.progress(n / total)

    before = logging.set_tqdm_hook(lambda _factory, args, options: Bar(*args, **options))
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)
