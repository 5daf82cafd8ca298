"""What the strip at the bottom shows, without widgets. Whoever knows the queue fills it."""

from __future__ import annotations

from msgspec import Struct

from studio.app.observable import Property
from studio.services.event import Event


class RunningJob(Struct, frozen=True):
    """*phase* is a text key. *fraction* of the whole job in 0..1, None when unknown; *remaining* seconds.

    *beside*: so many more run on other devices, and are not shown with it.
    """

    id: str
    title: str
    icon: str
    phase: str = ""
    step: int = 0
    steps: int = 0
    fraction: float | None = None
    remaining: float | None = None
    stopping: bool = False
    beside: int = 0


class WaitingJob(Struct, frozen=True):
    """One that comes later, in the order of the queue."""

    id: str
    title: str
    icon: str


class MemoryUse(Struct, frozen=True):
    """Bytes of the whole computer."""

    used: float
    total: float


class StripModel:
    """`waiting_seconds`: all of them together, None when unknown. `traffic`: bytes a second."""

    def __init__(self) -> None:
        self.running: Property[RunningJob | None] = Property(None)
        self.waiting: Property[tuple[WaitingJob, ...]] = Property(())
        self.waiting_seconds: Property[float | None] = Property(None)
        self.memory: Property[MemoryUse | None] = Property(None)
        self.offline: Property[bool] = Property(False)
        self.traffic: Property[float] = Property(0.0)
        # What the user asks for: the id of the job to stop, the id of a job to see, the queue, the network.
        self.stop_requested: Event[str] = Event()
        self.job_chosen: Event[str] = Event()
        self.queue_requested: Event[None] = Event()
        self.network_requested: Event[None] = Event()
