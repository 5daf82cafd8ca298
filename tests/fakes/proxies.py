"""An HTTP and a SOCKS5 proxy on loopback that record where they are sent, and go to one server instead."""

from __future__ import annotations

import base64
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """`targets`: "host:port" as the clients named them. `users`: "name:password" as they gave them."""

    def __init__(self, kind: str, port: int) -> None:
        self.targets: list[str] = []
        self.users: list[str] = []
        self._to = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._talk: Callable[[socket.socket], socket.socket] = self._http if kind == "http" else self._socks
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, self._talk(client) as server:
            back = threading.Thread(target=_pour, args=(server, client), daemon=True)
            back.start()
            _pour(client, server)
            back.join()

    def _http(self, client: socket.socket) -> socket.socket:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        first, *headers = head.decode("latin-1").split("\r\n")
        self.targets.append(first.split()[1])
        for header in headers:
            name, _, value = header.partition(": ")
            if name.lower() == "proxy-authorization":
                self.users.append(base64.b64decode(value.split()[1]).decode())
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return socket.create_connection(self._to)

    def _socks(self, client: socket.socket) -> socket.socket:
        methods = _read(client, 2)[1]
        offered = _read(client, methods)
        if 2 in offered:
            client.sendall(b"\x05\x02")
            name = _read(client, _read(client, 2)[1])
            password = _read(client, _read(client, 1)[0])
            self.users.append(f"{name.decode()}:{password.decode()}")
            client.sendall(b"\x01\x00")
        else:
            client.sendall(b"\x05\x00")
        kind = _read(client, 4)[3]
        length = _read(client, 1)[0] if kind == 3 else 4
        host = _read(client, length)
        (port,) = struct.unpack(">H", _read(client, 2))
        self.targets.append(f"{host.decode() if kind == 3 else socket.inet_ntoa(host)}:{port}")
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return socket.create_connection(self._to)


@contextmanager
def proxy(kind: str, port: int) -> Iterator[Proxy]:
    """*kind*: "http" or "socks". Whoever is asked for, the server on *port* answers."""
    it = Proxy(kind, port)
    try:
        yield it
    finally:
        it.close()


def _read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _pour(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
