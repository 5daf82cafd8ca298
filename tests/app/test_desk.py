"""What panels ask before the studio runs, and the desk as each of them sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.app.desk import Desk
from studio.domain.failure import Failure
from studio.services.basis import Basis
from studio.services.paths import Paths


def test_a_panel_s_desk_opens_with_the_window_s(tmp_path: Path) -> None:
    desk = Desk(basis=Basis(Paths.under(tmp_path).create(), offline=True))
    early, gone = desk.of("home"), []
    desk.go_requested.connect(gone.append)
    early.go("draw")
    assert gone == []
    studio: Any = object()
    desk.studio = studio
    assert not early.is_open
    desk.open()
    assert gone == ["draw"]
    for panel in (early, desk.of("models")):
        assert panel.is_open
        assert panel.studio is studio
        panel.go("write")
    assert gone == ["draw", "write", "write"]


def test_a_complaint_says_whose_it_is(tmp_path: Path) -> None:
    desk = Desk(basis=Basis(Paths.under(tmp_path).create(), offline=True))
    told: list[str] = []
    desk.complained.connect(lambda complaint: told.append(complaint.panel))
    desk.withdrawn.connect(told.append)
    desk.of("draw").complain(Failure(code="internal"))
    desk.complain(Failure(code="internal"))
    desk.of("draw").withdraw()
    assert told == ["draw", "", "draw"]
