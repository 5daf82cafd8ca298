"""What Speak knows besides what all makers know: the sounds of late, spoken ones and music."""

from __future__ import annotations

from studio.app.desk import Desk
from studio.app.making import Making
from studio.app.recent import Recent


class SpeakModel(Making):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.studio, "speech", "music")
        self.recent = Recent(desk, *self.tasks)

    def close(self) -> None:
        self.recent.close()
        super().close()

    def use_again(self) -> None:
        """Every field as it was for the current sound."""
        sound = self.recent.current.value
        if sound is not None and sound.request is not None:
            self.restore(sound.request)
