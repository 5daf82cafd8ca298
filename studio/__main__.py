"""`python -m studio`: the window without arguments, else a command."""

from __future__ import annotations

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

    from studio.app.main import run as open_window

    return open_window(offline=offline)


if __name__ == "__main__":
    sys.exit(main())
