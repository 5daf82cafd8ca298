"""A process that does something directly, again and again, as politely as the engine does.

The engine steps back for other processes; what it is compared with must, too, or the load of others
would weigh on one of them only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_HEAD = """
import json, os, sys, time
from studio.engine import lifeline
said = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
lifeline.die_with_parent(os.getppid())
lifeline.step_back()
options = json.loads(sys.argv[1])
"""
_TAIL = """
for line in sys.stdin:
    print(json.dumps(once(json.loads(line))), file=said, flush=True)
"""


class Direct:
    """One such process. *code* defines `once(options)`; `options` are its own from the start."""

    def __init__(self, code: str, options: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HEAD + code + _TAIL, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )

    def once(self, **options: Any) -> Any:
        """What `once` returned. RuntimeError when the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(options) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the direct process ended: {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def running(code: str, **options: Any) -> Iterator[Direct]:
    """*code* in a process that ends with the block."""
    direct = Direct(code, options)
    try:
        yield direct
    finally:
        direct.close()
