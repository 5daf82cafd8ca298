"""`python -m studio.engine`: the inference process, started by the studio and by nothing else.

The two pipes are taken first, before any other import: from then on nothing that a library prints
can get between the frames.
"""

import os
import sys


def take_pipes() -> tuple[int, int]:
    """Private descriptors of stdin and stdout; afterwards 0 is empty and 1 is stderr."""
    reader, writer = os.dup(0), os.dup(1)  # not inheritable, so that no child keeps the pipes open
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        msvcrt.setmode(reader, os.O_BINARY)
        msvcrt.setmode(writer, os.O_BINARY)
        set_handle = ctypes.windll.kernel32.SetStdHandle
        set_handle.argtypes = (ctypes.c_uint32, ctypes.c_void_p)
        for standard, descriptor in ((-10, 0), (-11, 1)):
            set_handle(standard & 0xFFFFFFFF, msvcrt.get_osfhandle(descriptor))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return reader, writer


ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "USE_HUB_KERNELS": "NO",
    "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # the order in which the studio counts them
    # Threads that spin for each other are caught out when another program has a core. Measured on two cores,
    # time of a 64 px picture over diffusers alone: 1.38 with 10,000, 1.01 with 50,000, 1.02 with libgomp's
    # default. Beside two busy programs ten steps took 7 s with 10,000 and over 90 s with the default; 50,000
    # was not measured there.
    "GOMP_SPINCOUNT": "50000",
}


def main(reader: int, writer: int) -> int:
    """Serve until the studio says so, or is gone. Returns the exit status."""
    import argparse
    import faulthandler
    import logging
    import signal

    parser = argparse.ArgumentParser(prog="studio.engine")
    parser.add_argument("--families", action="append", default=[], help="a further folder of model families")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to end with")
    arguments = parser.parse_args()

    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal reaches it too; the studio decides
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)

    from studio.engine import lifeline, memory

    memory.one_heap()
    lifeline.die_with_parent(arguments.parent)
    lifeline.step_back()

    import studio.families
    from studio.engine.channel import Channel
    from studio.engine.control import Control
    from studio.wire import offline

    offline.forbid_sockets()
    studio.families.__path__.extend(arguments.families)
    return Control(os.fdopen(reader, "rb"), Channel(writer)).serve()


if __name__ == "__main__":
    pipes = take_pipes()
    os.environ.update(ENVIRONMENT)
    status = main(*pipes)
    sys.stderr.flush()
    os._exit(status)  # at once, whatever a worker thread is in the middle of
