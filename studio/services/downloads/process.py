"""The studio's end of a download helper: starts it, hears it, ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from studio.domain.failure import Failure, StudioError
from studio.domain.remote import Hit, RemoteModel
from studio.domain.text import localized
from studio.services.downloads.findings import Access, Speed
from studio.services.downloads.messages import (
    Ask,
    Asked,
    Failed,
    Fetch,
    Finished,
    Hits,
    Measure,
    Measured,
    Order,
    Paused,
    Probe,
    Probed,
    Progress,
    ReadLicence,
    Search,
    Text,
    from_helper,
    to_frame,
)
from studio.services.engine.windows_job import CREATE_NO_WINDOW
from studio.wire import frames

log = logging.getLogger(__name__)

LastWord = Finished | Paused | Probed | Hits | Text | Measured | Asked | Failed

COMMAND = (sys.executable, "-m", "studio.services.downloads.helper")
_PROGRAM = Path(__file__).resolve().parents[3]
_GRACE = 3.0


async def fetch_in_helper(order: Fetch, tell: Callable[[Progress], None]) -> Finished | Paused | Failed:
    """Run a helper to its end. Returns its last word. Raises OSError.

    Cancelling this ends the helper; what has arrived stays.
    """
    answer = await _run(order, localized(order.model.title), tell)
    assert isinstance(answer, Finished | Paused | Failed)
    return answer


async def probe_in_helper(order: Probe) -> RemoteModel:
    """What a helper sees on the hub. Raises StudioError, OSError. Cancelling this ends the helper."""
    answer = await _ask(order, order.repo)
    assert isinstance(answer, Probed)
    return answer.model


async def search_in_helper(order: Search) -> tuple[Hit, ...]:
    """What the hub finds. Raises and ends as `probe_in_helper`."""
    answer = await _ask(order, order.query)
    assert isinstance(answer, Hits)
    return answer.hits


async def read_licence_in_helper(order: ReadLicence) -> str:
    """The licence that lies in a repository, "" without one. Raises and ends as `probe_in_helper`."""
    answer = await _ask(order, order.repo)
    assert isinstance(answer, Text)
    return answer.text


async def measure_in_helper(order: Measure) -> tuple[Speed, ...]:
    """How fast the sources are for a helper. Raises and ends as `probe_in_helper`."""
    answer = await _ask(order, "settings.mirrors")
    assert isinstance(answer, Measured)
    return answer.speeds


async def ask_in_helper(order: Ask) -> Access:
    """What a helper hears of a token. Raises and ends as `probe_in_helper`."""
    answer = await _ask(order, order.repo)
    assert isinstance(answer, Asked)
    return answer.access


async def _ask(order: Order, title: str) -> LastWord:
    answer = await _run(order, title, lambda _: None)
    if isinstance(answer, Failed):
        raise StudioError.of(answer.failure)
    return answer


async def _run(order: Order, title: str, tell: Callable[[Progress], None]) -> LastWord:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
        start_new_session=True,  # Ctrl+C in a terminal is for the studio, which then pauses this
        creationflags=CREATE_NO_WINDOW,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    words = asyncio.create_task(_last_words(process.stderr))
    try:
        process.stdin.write(frames.encode(to_frame(order)))
        await process.stdin.drain()
        return await _listen(process.stdout, tell)
    except (frames.FrameError, ConnectionError, EOFError) as error:
        await process.wait()
        details = f"{error}\nexit code {process.returncode}\n{await words}"
        values = {"name": title, "reason": "models.reason.helper"}
        failure = Failure(code="download.failed", values=values, details=details, retryable=True)
        return Failed(failure=failure)
    finally:
        await _end(process, words)


async def _listen(news: asyncio.StreamReader, tell: Callable[[Progress], None]) -> LastWord:
    while frame := await frames.read_async(news):
        message = from_helper(frame)
        if not isinstance(message, Progress):
            return message
        tell(message)
    raise EOFError("the helper ended without a word")


async def _end(process: asyncio.subprocess.Process, words: asyncio.Task[str]) -> None:
    """The end of its input tells it to go; if it does not listen it is killed."""
    assert process.stdin
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _GRACE)
    except TimeoutError:
        process.kill()
        await process.wait()
    log.debug("the helper said: %s", await words)


async def _last_words(stream: asyncio.StreamReader) -> str:
    """Always drained, so that the helper never waits for us; the end is kept."""
    last = b""
    while data := await stream.read(65536):
        last = (last + data)[-4000:]
    return last.decode("utf-8", "replace")


def environment() -> dict[str, str]:
    """The helper's: it finds the program, and nothing that it uses phones home or finds tokens by itself."""
    path = os.pathsep.join([str(_PROGRAM), *filter(None, [os.environ.get("PYTHONPATH")])])
    without = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    online = {name: value for name, value in os.environ.items() if name not in without}
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    return {**online, **quiet, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
