"""`python -m tests.engine.with_devices`: the engine on a computer with two accelerators.

Only for jobs that do not touch them.
"""

import os

from studio.engine import __main__ as engine

if __name__ == "__main__":
    pipes = engine.take_pipes()
    os.environ.update(engine.ENVIRONMENT)

    from studio.engine import device

    device.accelerators = lambda: ["cuda:0", "cuda:1"]
    os._exit(engine.main(*pipes))
