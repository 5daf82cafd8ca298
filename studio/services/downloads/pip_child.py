"""`python -m studio.services.downloads.pip_child LOGS USE WHY ...`: pip with the words that follow.

What it contacts and moves stands in the record of connections under the use that wanted it, and the end
of its input ends it: it never outlives the helper that started it.
"""

from __future__ import annotations

import os
import runpy
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.services.network import Network, OpenUse


def main(logs: str, use_id: str, why: str, arguments: list[str]) -> None:
    network = Network(Path(logs))
    use = OpenUse(network.connections, why, use_id)
    network.start()
    threading.Thread(target=_end_with_input, args=(use,), daemon=True).start()
    _count(use)
    sys.argv = ["pip", *arguments]
    with network.part_of(use):
        runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _count(use: OpenUse) -> None:
    """Count what passes through the sockets of this process: pip has a client of its own."""
    for kind in (socket.socket, ssl.SSLSocket):
        for name in ("send", "sendall"):
            if kind is ssl.SSLSocket and name == "sendall":  # it calls `send`
                continue
            setattr(kind, name, _counted_sending(use, getattr(kind, name)))
        for name in ("recv", "recv_into"):
            setattr(kind, name, _counted_receiving(use, getattr(kind, name)))


def _counted_sending(use: OpenUse, send: Callable[..., Any]) -> Callable[..., Any]:
    def counted(self: socket.socket, data: Any, *rest: Any) -> Any:
        sent = send(self, data, *rest)
        use.count(sent=memoryview(data).nbytes if sent is None else sent)
        return sent

    return counted


def _counted_receiving(use: OpenUse, receive: Callable[..., Any]) -> Callable[..., Any]:
    def counted(self: socket.socket, *rest: Any, **named: Any) -> Any:
        got = receive(self, *rest, **named)
        use.count(received=got if isinstance(got, int) else len(got))
        return got

    return counted


def _end_with_input(use: OpenUse) -> None:
    while os.read(0, 4096):  # not through Python's buffer, whose lock would be held when pip has finished
        pass
    use.write()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
