"""`python -m studio.services.downloads.helper`: goes online for one errand, and ends.

It may be killed at any moment: what has arrived is kept and the next one goes on there. The end of
its input is an order to end at once, so it never outlives the studio.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from studio.domain.failure import Failure, StudioError
from studio.services.downloads.messages import (
    Ask,
    Asked,
    Failed,
    Fetch,
    FromHelper,
    Hits,
    Measure,
    Measured,
    Order,
    Paused,
    Probe,
    Probed,
    ReadLicence,
    Search,
    Text,
    order_of,
    to_frame,
)
from studio.services.network import Network
from studio.wire import frames

if TYPE_CHECKING:
    from studio.services.network import Traffic


def main() -> None:
    orders, news = _private_pipes()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s: %(message)s")
    frame = frames.read(orders)
    if frame is None:
        return
    order = order_of(frame)
    network = Network(Path(order.logs))
    network.start()
    threading.Thread(target=_end_with, args=(orders, network), daemon=True).start()
    lock = threading.Lock()

    def tell(message: FromHelper) -> None:
        with lock:
            news.write(frames.encode(to_frame(message)))
            news.flush()

    tell(_run(order, network, tell))
    os._exit(0)  # the thread that waits for the end of the input holds its lock


def _run(order: Order, network: Network, tell: Callable[[FromHelper], None]) -> FromHelper:
    try:
        if isinstance(order, Fetch):
            from studio.services.downloads.fetch import fetch

            def paused() -> None:
                tell(Paused())
                os._exit(0)

            with network.because(order.model.id) as traffic:
                return fetch(order, tell, traffic, paused)
        if isinstance(order, Measure):
            from studio.services.downloads.speed import measure

            with network.because("sources"):
                return Measured(speeds=measure(order.route, order.endpoints))
        if isinstance(order, Ask):
            from studio.services.downloads.access import look

            with network.because(order.repo or "token"):
                return Asked(access=look(order.repo, order.route))
        with network.because(order.query if isinstance(order, Search) else order.repo) as traffic:
            return _look(order, traffic)
    except StudioError as error:
        return Failed(failure=error.failure)
    except Exception as error:
        logging.getLogger(__name__).exception("the helper failed")
        return Failed(
            failure=Failure(code="internal", values={"reason": str(error)}, details=type(error).__name__)
        )


def _look(order: Probe | Search | ReadLicence, traffic: Traffic) -> FromHelper:
    from studio.services.downloads.looking import read_licence, search
    from studio.services.downloads.probe import probe

    if isinstance(order, Probe):
        return Probed(model=probe(order, traffic))
    if isinstance(order, Search):
        return Hits(hits=search(order))
    return Text(text=read_licence(order, traffic))


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Input and output for frames only; whatever prints goes to stderr."""
    orders, news = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(orders, os.O_BINARY)
        msvcrt.setmode(news, os.O_BINARY)
    return os.fdopen(orders, "rb"), os.fdopen(news, "wb")


def _end_with(orders: BinaryIO, network: Network) -> None:
    orders.read()
    network.write()
    os._exit(0)


if __name__ == "__main__":
    main()
