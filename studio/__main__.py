"""`python -m studio`: the window without arguments, else a command."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Returns the exit code. Only what is needed for the answer is imported."""
    arguments = sys.argv[1:]
    offline = False
    while arguments and arguments[0] in ("--offline", "--portable"):
        if arguments.pop(0) == "--offline":
            offline = True
        else:
            from studio.services.paths import HOME_VARIABLE, PORTABLE_HOME

            os.environ[HOME_VARIABLE] = str(PORTABLE_HOME)
    if arguments:
        from studio.cli.main import run

        return run(arguments, offline=offline)

    gc.disable()  # nothing of what is made now is garbage; later the window collects it itself
    # Before Qt: once that is there, its binding reads the source of every module that is imported.
    import studio.services.basis
    import studio.services.instance
    import studio.services.logs  # noqa: F401
    from studio.app.main import run as open_window

    return open_window(offline=offline)


if __name__ == "__main__":
    sys.exit(main())
