"""One engine process: its start, its frames in both directions, its last words.

Started from the studio's main thread, because the engine asks the system to end it with the thread
that started it. Works on asyncio's own loop and on Qt's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

import psutil

from studio.services.engine import windows_job
from studio.services.engine.endings import Ending
from studio.services.engine.stderr_log import StderrLog
from studio.services.paths import PROGRAM
from studio.wire import frames
from studio.wire.frames import FrameError
from studio.wire.messages import PROTOCOL, FromEngine, Ready, ToEngine, from_engine, to_frame

log = logging.getLogger(__name__)

READ_AHEAD = 4 * 2**20  # bytes that may wait before the engine is slowed down
TURN_SECONDS = 0.004  # as long as frames may be handled before everything else gets its turn
LAST_LINES = 200
LEAVING_SECONDS = 2.0  # for the pipes of an ended process to run dry
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # the engine never connects anywhere


class StartError(Exception):
    """The engine did not become ready. `final`: another try would end the same way."""

    def __init__(self, ending: Ending, *, final: bool = False) -> None:
        self.ending = ending
        self.final = final
        super().__init__(ending.reason, ending.code)


class Client:
    """A running engine. `heard` gets every message with its blob, `ended` its ending, after all of them."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        heard: Callable[[FromEngine, bytes], None],
        ended: Callable[[Ending], None],
        stderr_log: StderrLog,
    ) -> None:
        self.pid = process.pid
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("an engine has three pipes")
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._heard = heard
        self._ended = ended
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._stderr_log = stderr_log
        self._reason = self._details = ""
        self.killed = False
        self._ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._job = windows_job.Job(process.pid)
        self._life = asyncio.create_task(self._live(), name="engine")

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        heard: Callable[[FromEngine, bytes], None],
        ended: Callable[[Ending], None],
        stderr_log: StderrLog,
        ready_seconds: float,
    ) -> Client:
        """Start *command* and wait until it is ready. Raises StartError; then nothing is left running."""
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        environment["PYTHONUTF8"] = "1"
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (str(PROGRAM), environment.get("PYTHONPATH")))
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=READ_AHEAD,
                env=environment,
                # A group of its own: Ctrl+C is the studio's affair, and a kill reaches its children.
                start_new_session=True,
                creationflags=windows_job.CREATE_NO_WINDOW,
            )
        except OSError as error:
            ending = Ending(code=None, reason="engine.reason.missing", details=repr(error))
            raise StartError(ending, final=True) from error
        endings: list[Ending] = []
        client = cls(process, heard, endings.append, stderr_log)
        try:
            async with asyncio.timeout(ready_seconds):
                await asyncio.wait({client._ready, client._life}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            client.kill("engine.reason.silent", f"not ready after {ready_seconds} s")
        except BaseException:  # the studio closes
            client.kill()
            await client.wait()
            raise
        if not client._ready.done():
            await client.wait()
            raise StartError(endings[0])
        ready = client._ready.result()
        if ready.protocol != PROTOCOL:
            client.kill("engine.reason.version", f"protocol {ready.protocol} instead of {PROTOCOL}")
            await client.wait()
            raise StartError(endings[0], final=True)
        client.pid = ready.pid
        if endings:
            raise StartError(endings[0])
        client._ended = ended
        return client

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def send(self, message: ToEngine) -> None:
        """Pass on *message*, never waiting. To an engine that has ended it is lost; the end is told."""
        if self.running and not self._stdin.is_closing():
            self._stdin.write(frames.encode(to_frame(message)))

    def forget_words(self) -> None:
        """What it has printed so far has nothing to do with how it may end."""
        self._lines.clear()

    def kill(self, reason: str = "", details: str = "") -> None:
        """End it now, with its children. *reason*, a text key, becomes that of its ending."""
        if not self.running:
            return
        if not self.killed:
            self._reason, self._details = reason, details
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._job.end()
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Until it has ended and that has been told."""
        await asyncio.shield(self._life)

    def cpu_seconds(self) -> float | None:
        """Processor time it has used so far, None once it has ended."""
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return None
        return times.user + times.system

    # --- its life, in tasks of their own --------------------------------------------------------

    async def _live(self) -> None:
        drain = asyncio.create_task(self._drain(), name="engine stderr")
        read = asyncio.create_task(self._read(), name="engine frames")
        exited = asyncio.create_task(self._process.wait(), name="engine exit")
        await asyncio.wait({read, exited}, return_when=asyncio.FIRST_COMPLETED)
        if not exited.done():
            await asyncio.wait({exited}, timeout=LEAVING_SECONDS / 2)
            # Nobody can talk to an engine that has closed its mouth.
            self.kill("engine.reason.hung", "closed its output and lived on")
        code = await exited
        # The pipes end with the process, unless a child of it holds them open.
        await asyncio.wait({drain, read}, timeout=LEAVING_SECONDS)
        for task in (drain, read):
            task.cancel()
        for result in await asyncio.gather(drain, read, return_exceptions=True):
            if isinstance(result, Exception):
                log.error("a pipe of the engine could not be read", exc_info=result)
        self._job.end()
        self._stderr_log.close()
        ending = Ending(code=code, lines=tuple(self._lines), reason=self._reason, details=self._details)
        log.info("engine %d ended: code %s %s %s", self.pid, code, ending.reason, ending.details)
        self._ended(ending)

    async def _read(self) -> None:
        turn = time.perf_counter()
        try:
            while (frame := await frames.read_async(self._stdout)) is not None:
                self._handle(from_engine(frame), frame.blob)
                if time.perf_counter() - turn > TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn = time.perf_counter()
        except (FrameError, OSError) as error:
            if not self._stdout.at_eof():  # else it ended in the middle of a frame, and will say how
                self.kill("engine.reason.garbage", str(error))

    def _handle(self, message: FromEngine, blob: bytes) -> None:
        if not self._ready.done():
            if not isinstance(message, Ready):
                raise FrameError(f"{type(message).__name__} before Ready")
            self._ready.set_result(message)
            return
        try:
            self._heard(message, blob)
        except Exception:
            log.exception("a message of the engine could not be handled: %s", type(message).__name__)

    async def _drain(self) -> None:
        rest = b""
        while chunk := await self._stderr.read(2**16):
            self._stderr_log.write(chunk)
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            self._lines.extend(
                line.decode("utf-8", "replace") for line in lines[-LAST_LINES:] if line.strip()
            )
            rest = rest[-(2**16) :]
            await asyncio.sleep(0)
        if rest.strip():
            self._lines.append(rest.decode("utf-8", "replace"))
