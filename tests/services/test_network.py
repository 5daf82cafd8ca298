"""The offline switch and the record of connections, in processes of their own: the switch is process-wide."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from studio.services.network import Network


def run(tmp_path: Path, code: str) -> dict:
    """Run *code* with `network` started; it fills `result`."""
    program = f"""
import json, socket, sys, threading
from pathlib import Path
from studio.services.network import Network
network = Network(Path({str(tmp_path)!r}) / "logs")
result = {{}}
{textwrap.dedent(code)}
print(json.dumps(result))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


TRY = """
def attempt(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "ok"

def tcp(address, family=socket.AF_INET):
    with socket.socket(family) as s:
        s.settimeout(0.2)
        s.connect(address)
"""


def test_offline_refuses_every_way_out(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        TRY
        + """
network.start(offline=True)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ways = {
    "tcp": lambda: tcp(("192.0.2.1", 80)),
    "tcp6": lambda: tcp(("2001:db8::1", 80, 0, 0), socket.AF_INET6),
    "connect_ex": lambda: socket.socket().connect_ex(("192.0.2.1", 80)),
    "udp": lambda: udp.sendto(b"x", ("192.0.2.1", 53)),
    "lan": lambda: tcp(("10.0.0.1", 80)),
    "sendmsg": lambda: udp.sendmsg([b"x"], [], 0, ("192.0.2.1", 53)),
    "name": lambda: socket.getaddrinfo("example.com", 443),
    "old name": lambda: socket.gethostbyname("example.com"),
    "create": lambda: socket.create_connection(("example.com", 443), 0.2),
}
result = {way: attempt(act) for way, act in ways.items()}
""",
    )
    assert set(result.values()) == {"OfflineError"}, result


def test_offline_leaves_the_own_computer_alone(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        TRY
        + """
network.start(offline=True)
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
result["ip"] = attempt(lambda: tcp(("127.0.0.1", port)))
result["name"] = attempt(lambda: socket.create_connection(("localhost", port), 1))
a, b = socket.socketpair()
result["pair"] = attempt(lambda: a.sendall(b"x"))
""",
    )
    assert set(result.values()) == {"ok"}, result
    assert Network(tmp_path / "logs").connections.uses() == []


def test_the_switch_goes_both_ways(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        TRY
        + """
network.start(offline=True)
result["on"] = attempt(lambda: tcp(("192.0.2.1", 9)))
network.offline = False
result["off"] = attempt(lambda: tcp(("192.0.2.1", 9)))
network.offline = True
result["again"] = attempt(lambda: tcp(("192.0.2.1", 9)))
""",
    )
    assert result["on"] == result["again"] == "OfflineError"
    assert result["off"] != "OfflineError"


def test_the_record_says_when_where_why_and_how_much(tmp_path: Path) -> None:
    run(
        tmp_path,
        TRY
        + """
import asyncio
network.start()

async def download():
    with network.because("model tiny") as traffic:
        await asyncio.to_thread(attempt, lambda: tcp(("192.0.2.1", 443)))
        await asyncio.to_thread(attempt, lambda: tcp(("192.0.2.2", 443)))
        traffic.received += 1000

asyncio.run(download())
attempt(lambda: tcp(("192.0.2.3", 80)))
network.offline = True
attempt(lambda: socket.getaddrinfo("example.com", 443))
with network.because("nothing"):
    pass
""",
    )
    refused, unexplained, download = Network(tmp_path / "logs").connections.uses()
    assert (download.why, download.hosts, download.received) == (
        "model tiny",
        ("192.0.2.1:443", "192.0.2.2:443"),
        1000,
    )
    assert not download.refused
    assert (unexplained.why, unexplained.hosts, unexplained.received) == ("", ("192.0.2.3:80",), None)
    assert refused.hosts == ("example.com:443",)
    assert refused.refused
    assert download.when <= unexplained.when <= refused.when


@pytest.mark.logs
def test_a_broken_line_hides_no_other(tmp_path: Path) -> None:
    run(tmp_path, TRY + "network.start()\nattempt(lambda: tcp(('192.0.2.1', 80)))")
    file = tmp_path / "logs" / "connections.jsonl"
    file.write_bytes(b"{half a li\n" + file.read_bytes())
    assert len(Network(tmp_path / "logs").connections.uses()) == 1
