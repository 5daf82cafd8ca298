"""Whether a chat template comes to an end: tried in a process of its own, before llama.cpp tries it.

llama.cpp runs the template of a file several times while it loads, holding the interpreter, so that a
template that loops would hold the engine until somebody ends it. Run as a program, this file reads a
template from its standard input and says by its exit status how it went.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

CPU_SECONDS = 2.0  # of the trial's own; real ones take milliseconds
WALL_SECONDS = 60.0  # for what does not even let a thread look at the time
MEMORY = 2**30  # bytes, where the system can limit them
LOOK_SECONDS = 0.05
LOOPS = 3  # exit status
TALK = (("system", "Be brief."), ("user", "Hi."), ("assistant", "Hello."), ("user", "Go on."))


def ends(template: str, look: Callable[[], None]) -> bool:
    """Whether *template* ends within `CPU_SECONDS` of work. *look* is called meanwhile, and may raise.

    One that fails ends, too: what is wrong with it llama.cpp says better.
    """
    trial = subprocess.Popen(
        [sys.executable, "-I", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    # A thread writes: the trial may be slow to read, and a template longer than a pipe holds.
    writer = threading.Thread(target=_feed, args=(trial, template.encode()), daemon=True)
    writer.start()
    deadline = time.monotonic() + WALL_SECONDS
    try:
        while trial.poll() is None:
            look()
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return trial.returncode != LOOPS
    finally:
        trial.kill()
        trial.wait()
        writer.join()


def _feed(trial: subprocess.Popen[bytes], data: bytes) -> None:
    try:
        trial.communicate(data)
    except (BrokenPipeError, ValueError):  # it ended, or was ended, before it had read all
        return


def _try(template: str) -> int:
    import os

    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def watch() -> None:
        while time.process_time() < CPU_SECONDS:
            time.sleep(LOOK_SECONDS)
        os._exit(LOOPS)

    threading.Thread(target=watch, daemon=True).start()
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    messages = [{"role": role, "content": content} for role, content in TALK]
    for start in (1, 0):  # not every template knows a system's words
        values = {"messages": messages[start:], "bos_token": "<s>", "eos_token": "</s>"}
        try:
            environment.from_string(template).render(values, add_generation_prompt=True)
        except (OverflowError, MemoryError):  # a range longer than the sandbox allows; text without end
            return LOOPS
        except Exception as error:  # noqa: BLE001 - whatever it is, the template has ended
            sys.stderr.write(f"{error}\n")
    return 0


if __name__ == "__main__":
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.exit(_try(sys.stdin.buffer.read().decode("utf-8", "replace")))
