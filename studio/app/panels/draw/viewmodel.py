"""What Draw knows besides what all makers know: the pictures of late and the one that is on its way."""

from __future__ import annotations

from studio.app.desk import Desk
from studio.app.making import Making
from studio.app.observable import Property
from studio.app.recent import Recent
from studio.domain.job import Job
from studio.services.runner import PreviewFrame


class DrawModel(Making):
    """`preview`: the unfinished picture of the running job, else None."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.studio, "image")
        self.recent = Recent(desk, "image")
        self.preview: Property[PreviewFrame | None] = Property(None)
        self._ends = (
            desk.studio.queue.changed.connect(self._follow),
            desk.studio.queue.preview.connect(self._previewed),
        )

    def close(self) -> None:
        for end in self._ends:
            end()
        self.recent.close()
        super().close()

    def reuse_seed(self) -> None:
        """The current picture's seed for the next one, and keep it."""
        picture = self.recent.current.value
        if picture is not None and picture.seed is not None and "seed" in self.form.fields:
            self.form.set("seed", picture.seed)

    def use_again(self) -> None:
        """Every field as it was for the current picture."""
        picture = self.recent.current.value
        if picture is not None and picture.request is not None:
            self.restore(picture.request)

    def _follow(self, job: Job) -> None:
        if job.request.task == self.task and job.state.ended:
            self.preview.value = None

    def _previewed(self, frame: PreviewFrame) -> None:
        job = self.studio.queue.job(frame.job)
        if job.request.task == self.task and not job.state.ended:
            self.preview.value = frame
