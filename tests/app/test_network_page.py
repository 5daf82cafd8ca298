"""Settings, Network and Connections: what is chosen there counts at once, what is wrong is said there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from studio.app import gate
from studio.app.desk import Desk
from studio.app.gate import GateDialog
from studio.app.panels.settings.panel import SettingsPanel
from studio.app.widgets.button import IconButton, PaintedButton
from studio.app.widgets.label import Label
from studio.app.widgets.switch import Switch
from studio.services import tokens as token_words
from studio.services.connections import Connections, Line
from studio.services.downloads import mirrors as mirror_words
from studio.services.downloads.findings import Access, Speed
from studio.services.downloads.route import HUB, HUB_MIRROR, MODELSCOPE
from studio.services.downloads.state import DownloadState, State
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.app.test_panels import window_on
from tests.fakes.answering import Answer, Request, answering, as_json


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token and no hub of whoever runs the tests."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "MODELSCOPE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def page(panel: SettingsPanel, key: str = "network") -> Any:
    panel.resize(1200, 800)
    panel.show()
    panel.show_page(key)
    return panel.pages[key]


def words(widget: Any) -> str:
    """All that can be read on it now."""
    labels = [label.text() for label in widget.findChildren(Label) if label.isVisibleTo(widget)]
    return "\n".join(labels + [button.words() for button in widget.findChildren(PaintedButton)])


async def named(widget: Any, kind: type, name: str) -> Any:
    """The one that is called so, once it is shown."""

    def found() -> list[Any]:
        return [
            each for each in widget.findChildren(kind) if each.accessibleName() == name and each.isVisible()
        ]

    await until(lambda: len(found()) == 1)
    return found()[0]


def close(panel: SettingsPanel) -> None:
    panel.close_down()
    panel.close()
    panel.deleteLater()


def speeds(monkeypatch: pytest.MonkeyPatch, **rates: float) -> None:
    known = {"hub": HUB, "mirror": HUB_MIRROR, "scope": MODELSCOPE}

    async def measured(order: Any) -> tuple[Speed, ...]:
        return tuple(Speed(endpoint=known[name], bytes_per_second=rate) for name, rate in rates.items())

    monkeypatch.setattr(mirror_words, "measure_in_helper", measured)


async def test_sources_are_measured_and_put_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    speeds(monkeypatch, hub=0.0, mirror=5e6, scope=20e6)
    async with studio_at(tmp_path, monkeypatch) as studio:
        panel = SettingsPanel(Desk(studio))
        network = page(panel)
        network.sources.measure.click()
        await until(lambda: "20.0 MB/s" in words(network))
        await until(lambda: "no answer" in words(network))
        assert studio.mirrors.order == (MODELSCOPE, HUB_MIRROR)
        own = next(button for button in network.sources.mode.buttons() if button.words() == "My own order")
        own.click()
        assert studio.settings.value.mirrors == ("modelscope", "hf-mirror")
        (await named(network, IconButton, "Ask HF-Mirror earlier")).click()
        assert studio.settings.value.mirrors == ("hf-mirror", "modelscope")
        (await named(network, Switch, "Use Hugging Face")).click()
        (await named(network, Switch, "Use ModelScope")).click()
        assert studio.settings.value.mirrors == ("hf-mirror", "hub")
        (await named(network, Switch, "Use Hugging Face")).click()
        (await named(network, Switch, "Use HF-Mirror")).click()
        assert studio.settings.value.mirrors == ("hf-mirror",), "one is always left"
        close(panel)


async def test_a_mirror_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        studio.settings.change(mirrors=("hub",))
        panel = SettingsPanel(Desk(studio))
        sources = page(panel).sources
        qtbot.keyClicks(sources.address, "http://far.example")
        qtbot.keyClick(sources.address, Qt.Key.Key_Return)
        await until(lambda: "https address" in words(sources))
        assert studio.settings.value.mirrors == ("hub",)
        sources.address.clear()
        qtbot.keyClicks(sources.address, "https://mirror.example/hf/")
        qtbot.keyClick(sources.address, Qt.Key.Key_Return)
        assert studio.settings.value.mirrors == ("https://mirror.example/hf", "hub")
        await until(lambda: "mirror.example" in words(sources))
        close(panel)


async def test_proxy_index_and_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        panel = SettingsPanel(Desk(studio))
        network = page(panel)
        assert not network.proxy.isVisible()
        network.way.buttons()[2].click()
        assert network.proxy.isVisible()
        qtbot.keyClicks(network.proxy, "ftp://x")
        qtbot.keyClick(network.proxy, Qt.Key.Key_Return)
        assert "socks5://" in words(network)
        assert studio.settings.value.proxy == ""
        network.proxy.clear()
        qtbot.keyClicks(network.proxy, "http://anna@proxy.example:3128")
        qtbot.keyClick(network.proxy, Qt.Key.Key_Return)
        assert studio.settings.value.proxy == "http://anna@proxy.example:3128"
        assert network.password.isVisible()
        qtbot.keyClicks(network.password, "secret word")
        qtbot.keyClick(network.password, Qt.Key.Key_Return)
        await until(lambda: studio.tokens.proxy_password() == "secret word")
        await until(lambda: "only you can read" in words(network))
        assert network.password.text() == ""
        network.way.buttons()[1].click()
        assert studio.settings.value.proxy == "none"
        assert not network.password.isVisible()
        qtbot.keyClicks(network.index, "https://index.example/simple")
        qtbot.keyClick(network.index, Qt.Key.Key_Return)
        network.rate.changed.emit(2_000_000)
        assert studio.settings.value.package_index == "https://index.example/simple"
        assert studio.settings.value.bandwidth == 2_000_000
        close(panel)


async def test_what_keeps_it_offline_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with studio_at(tmp_path, monkeypatch) as studio:
        panel = SettingsPanel(Desk(studio))
        network = page(panel)
        assert network.offline.value
        assert not network.offline.isEnabled()
        assert "HF_HUB_OFFLINE" in words(network)
        close(panel)


async def test_the_hub_of_the_environment_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.company.example")
    async with studio_at(tmp_path, monkeypatch) as studio:
        panel = SettingsPanel(Desk(studio))
        network = page(panel)
        assert "HF_ENDPOINT names hub.company.example" in words(network)
        assert not network.sources.mode.isEnabled()
        close(panel)


def hub(request: Request) -> Answer:
    good = request.headers.get("authorization") == "Bearer hf_right"
    if request.path == "/api/whoami-v2":
        return as_json({"name": "anna"}) if good else as_json({}, 401)
    if request.path == "/api/models/maker/gated":
        return as_json({"gated": "manual"})
    return Answer(200 if good else 403)


def to(studio: Studio, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let the hub be at *url*, its token too."""
    monkeypatch.setitem(token_words.ENDPOINTS, "hub", url)
    plain = studio.mirrors._plain
    monkeypatch.setattr(studio.mirrors, "_plain", lambda: _at(plain(), url))


def _at(route: Any, url: str) -> Any:
    import msgspec

    return msgspec.structs.replace(route, origin=url, endpoints=(url,))


async def test_a_token_is_kept_checked_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any, qloop: Any
) -> None:
    with answering(hub) as server:
        async with studio_at(tmp_path, monkeypatch) as studio:
            to(studio, monkeypatch, server.url)
            panel = SettingsPanel(Desk(studio))
            network = page(panel)
            row = network.findChildren(gate.TokenRow)[0]
            await until(lambda: row.state.text() == "No token yet.")
            assert not row.keep.isEnabled()
            qtbot.keyClicks(row.field, "hf_right")
            row.keep.click()
            await until(lambda: "only you can read" in row.state.text())
            assert row.field.text() == ""
            row.check.click()
            await until(lambda: "anna" in row.said.text())
            row.forget.click()
            await until(lambda: row.state.text() == "No token yet.")
            close(panel)


async def test_the_gate_is_opened_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any, qloop: Any
) -> None:
    got: list[str] = []
    with answering(hub) as server:
        async with studio_at(tmp_path, monkeypatch) as studio:
            to(studio, monkeypatch, server.url)
            panel = SettingsPanel(Desk(studio))
            address = f"{server.url}/maker/gated"
            dialog = GateDialog(Desk(studio), "The gated", address, lambda: got.append("it"), panel)
            dialog.show()
            assert not dialog.get.isEnabled()
            dialog.check.click()
            await until(lambda: "no token" in words(dialog))
            assert not dialog.get.isEnabled()
            (row,) = dialog.findChildren(gate.TokenRow)
            qtbot.keyClicks(row.field, "hf_wrong")
            row.keep.click()
            await until(lambda: "only you can read" in row.state.text())
            dialog.check.click()
            await until(lambda: "does not know this token" in words(dialog))
            qtbot.keyClicks(row.field, "hf_right")
            row.keep.click()
            await until(lambda: dialog.model.access.value is None)
            dialog.check.click()
            await until(dialog.get.isEnabled)
            assert "anna" in words(dialog)
            dialog.get.click()
            assert got == ["it"]
            close(panel)


def test_whose_gate_it_is() -> None:
    assert gate._of("https://huggingface.co/maker/gated") == ("hub", "maker/gated")
    assert gate._of("https://modelscope.cn/models/maker/gated") == ("modelscope", "maker/gated")


async def test_every_connection_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio:
        panel = SettingsPanel(Desk(studio))
        record = page(panel, "connections")
        assert "No connection yet" in words(record)
        log = Connections(studio.paths.logs)
        for number in range(70):
            log.add(
                Line(
                    use=str(number),
                    when=1e9 + number,
                    why="sources",
                    host="<b>h</b>:443",
                    sent=1,
                    received=1000,
                )
            )
        log.add(Line(use="x", when=2e9, host="tracker.example:443", refused=True))
        record.refresh()
        await until(lambda: "71 uses" in words(record))
        await until(lambda: words(record).count("speed test of the sources") == 59)
        assert "<b>h</b>:443" in words(record), "as it stands"
        record.more.click()
        await until(lambda: words(record).count("speed test") == 70)
        assert not record.more.isVisible()
        close(panel)


async def test_a_source_that_was_caught_is_named_in_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        model = studio.library.entries()[0].model.id
        frame._fetched(DownloadState(id=model, state=State.DONE))
        assert not frame.window.banner.isVisible()
        frame._fetched(DownloadState(id=model, state=State.DONE, refused=("mirror.example",)))
        assert "mirror.example had or sent something else" in words(frame.window.banner)


async def test_what_the_checked_token_means_has_words(tmp_path: Path, qloop: Any) -> None:
    from typing import get_args

    from studio.domain.text import t
    from studio.services.downloads.findings import Verdict

    for verdict in get_args(Verdict):
        assert t(f"access.{verdict}", who="anna") != f"access.{verdict}"
        assert Access(verdict=verdict).verdict == verdict
