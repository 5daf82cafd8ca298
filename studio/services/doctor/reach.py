"""`python -m studio.services.doctor.reach NAME LOGS`: asks one service for its first line, and ends.

In a process of its own, so that a resolver or proxy that hangs can be ended. It reads a `Route` as JSON and
prints a `Reached`; every connection is in the record of connections. The index's address comes from pip.
"""

from __future__ import annotations

import asyncio
import email.utils
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from studio.domain.failure import StudioError
from studio.services.doctor.case import Reached
from studio.services.downloads.process import environment
from studio.services.downloads.route import HUB, Route
from studio.services.engine.windows_job import CREATE_NO_WINDOW

SECONDS = 5.0  # for the answer
PROCESS_SECONDS = 12.0  # with the start of Python, and of pip to ask where it goes


async def reach(name: str, logs: Path, route: Route, *, seconds: float = PROCESS_SECONDS) -> Reached:
    """What the service *name* answers to a process of its own, which is ended after *seconds*."""
    way = msgspec.json.encode(route)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, name, str(logs)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
        creationflags=CREATE_NO_WINDOW,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(way), seconds)
        return msgspec.json.decode(said, type=Reached)
    except TimeoutError:
        return Reached(error="doctor.network.late")
    except msgspec.MsgspecError:
        return Reached(error="doctor.network.crashed")
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            process.kill()
        await process.wait()


# --- in that process ------------------------------------------------------------------------------


def main(name: str, logs: str) -> None:
    from studio.services.network import Network

    network = Network(Path(logs))
    network.start()
    route = msgspec.json.decode(sys.stdin.buffer.read(), type=Route)
    with network.because("doctor"):
        answer = look(name, route)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.flush()
    os._exit(0)  # a name that is still being looked up in a thread is not waited for


def look(name: str, route: Route) -> Reached:
    """The first line and the date of the service's answer. Any answer but the server's own fault will do."""
    import httpx2

    from studio.services.downloads import addresses, pip
    from studio.services.downloads.wheels import client_of

    settings = pip.PipSettings()
    try:
        if name == "index":
            settings = pip.read_settings(index=route.package_index)
        address = _address(name, settings.indexes, route)
    except pip.PipError as error:
        return Reached(error=f"pip: {error}")
    if not address:
        return Reached(error="doctor.network.no_address")
    host = urlsplit(address).hostname or ""
    began = time.monotonic()
    try:
        addresses.check(address)
        with (
            client_of(settings, route) as client,
            client.stream("GET", address, timeout=httpx2.Timeout(SECONDS)) as response,
        ):
            status, date = response.status_code, response.headers.get("date", "")
    except (httpx2.HTTPError, addresses.AddressError, OSError) as error:
        return Reached(host=host, error=str(error) or type(error).__name__)
    except StudioError as error:
        return Reached(host=host, error=error.failure.message)
    error = f"HTTP {status}" if status >= 500 or status == 407 else ""
    seconds = time.monotonic() - began
    return Reached(host=host, status=status, seconds=seconds, ahead=_ahead(date), error=error)


def _address(name: str, indexes: tuple[str, ...], route: Route) -> str:
    """Where to ask; empty where none is set up."""
    if name == "index":
        return next((index for index in indexes if urlsplit(index).scheme.startswith("http")), "")
    if name == "hub":
        return HUB
    first = route.endpoints[0]
    return first if first != HUB else ""


def _ahead(date: str) -> float | None:
    try:
        return time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None


if __name__ == "__main__":
    main(*sys.argv[1:3])
