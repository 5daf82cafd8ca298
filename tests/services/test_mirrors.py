"""The speed test that picks, what it is kept for, and what is stronger than it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.domain.failure import StudioError
from studio.services import tokens as token_words
from studio.services.downloads import mirrors as mirror_words
from studio.services.downloads.mirrors import KEPT_SECONDS, Mirrors, Speeds
from studio.services.downloads.route import HUB, HUB_MIRROR, MODELSCOPE, Route, usual_route, with_environment
from studio.services.downloads.speed import SAMPLE, SAMPLE_FILE, Speed, measure
from studio.services.network import Network
from studio.services.paths import Paths
from studio.services.secrets import Secrets
from studio.services.settings import Settings
from studio.services.tokens import Tokens
from tests.fakes.answering import Answer, ModelScope, Request, answering, part_of
from tests.fakes.file_server import FileServer, serving

FILE = f"/{SAMPLE}/resolve/main/{SAMPLE_FILE}"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        server.files[FILE] = bytes(6_000_000)
        yield server


class World:
    def __init__(self, tmp_path: Path) -> None:
        self.settings, self.now, self.off = Settings(), 1_000_000.0, False
        self.environment: dict[str, str] = {}
        self.tmp_path = tmp_path

    def mirrors(self) -> Mirrors:
        paths = Paths.under(self.tmp_path)
        return Mirrors(
            self.tmp_path / "mirrors.json",
            self.tmp_path / "logs",
            settings=lambda: self.settings,
            tokens=Tokens(Secrets(paths), {"HF_HOME": str(self.tmp_path), **self.environment}),
            offline=lambda: self.off,
            environment=self.environment,
            clock=lambda: self.now,
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def found(**rates: float) -> tuple[Speed, ...]:
    known = {"hub": HUB, "mirror": HUB_MIRROR, "scope": MODELSCOPE}
    return tuple(
        Speed(endpoint=known[name], bytes_per_second=rate, error="" if rate else "dead")
        for name, rate in rates.items()
    )


@pytest.fixture
def test_runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a speed test finds next, the last for ever; every run is noted instead of made."""
    runs: list[Any] = []
    answers = [found(hub=1e6, mirror=3e6, scope=0)]

    async def helper(order: Any) -> tuple[Speed, ...]:
        runs.append(order)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(mirror_words, "measure_in_helper", helper)
    runs_and_answers: list[Any] = runs
    return runs_and_answers


# --- measuring ----------------------------------------------------------------------------------


def test_each_source_is_measured_or_says_why_not(server: FileServer, tmp_path: Path) -> None:
    scope = ModelScope(SAMPLE, {SAMPLE_FILE: bytes(6_000_000)})
    with answering(scope) as other, serving() as broken:
        broken.faults[FILE] = ["500!"]
        route = Route(modelscope=other.url)
        with Network(tmp_path).because("sources"):
            speeds = measure(route, (server.url, other.url, broken.url, "http://127.0.0.1:1"))
    good, also, status, dead = speeds
    assert [speed.endpoint for speed in (good, also)] == [server.url, other.url]
    for speed in (good, also):
        assert speed.bytes_per_second > 100_000
        assert speed.seconds is not None
        assert not speed.error
    assert (status.bytes_per_second, status.error) == (0, "HTTP 500")
    assert dead.error
    assert server.of(FILE)[0].range == "bytes=0-4194303"


def test_a_slow_source_is_not_waited_for(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.services.downloads.speed.SECONDS", 0.5)
    server.pause, server.piece = 0.1, 20_000
    (speed,) = measure(Route(), (server.url,))
    assert 0 < speed.bytes_per_second < 1_000_000


def test_what_knows_no_ranges_is_not_fetched_whole(server: FileServer) -> None:
    server.files[FILE] = bytes(40_000_000)
    server.faults[FILE] = ["ignores ranges"]
    (speed,) = measure(Route(), (server.url,))
    assert speed.bytes_per_second > 0
    assert server.sent < 39_000_000


async def test_it_runs_in_a_helper(world: World, server: FileServer) -> None:
    world.settings = Settings(mirrors=(server.url,))
    mirrors = world.mirrors()
    mirrors.candidates = lambda: (server.url,)  # type: ignore[method-assign]
    speeds = await mirrors.measure()
    assert [speed.endpoint for speed in speeds.speeds] == [server.url]
    assert speeds.any
    again = world.mirrors().latest
    assert again == speeds


# --- choosing -----------------------------------------------------------------------------------


async def test_the_fastest_comes_first_and_a_dead_one_not_at_all(world: World, test_runs: list[Any]) -> None:
    route = await world.mirrors().route()
    assert route.endpoints == (HUB_MIRROR, HUB)
    assert set(test_runs[0].endpoints) == {HUB, HUB_MIRROR, MODELSCOPE}


@pytest.mark.parametrize(
    ("rates", "order"),
    [
        ({"hub": 1e6, "mirror": 1.9e6}, (HUB, HUB_MIRROR)),
        ({"hub": 1e6, "mirror": 2.1e6}, (HUB_MIRROR, HUB)),
        ({"hub": 0, "mirror": 1e3, "scope": 2e3}, (MODELSCOPE, HUB_MIRROR)),
        ({"hub": 0, "mirror": 0}, (HUB,)),
    ],
)
def test_the_origin_unless_another_is_much_faster(
    world: World, rates: dict[str, float], order: tuple[str, ...]
) -> None:
    mirrors = world.mirrors()
    mirrors._latest = Speeds(when=world.now, speeds=found(**rates))
    assert mirrors.order == order


async def test_a_day_it_is_kept_also_by_the_next_studio(world: World, test_runs: list[Any]) -> None:
    await world.mirrors().route()
    world.now += KEPT_SECONDS - 1
    await world.mirrors().route()
    assert len(test_runs) == 1
    world.now += 2
    await world.mirrors().route()
    assert len(test_runs) == 2


async def test_when_nobody_answered_it_is_tried_again_soon(
    world: World, test_runs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = world.mirrors()
    mirrors._latest = Speeds(when=world.now, speeds=found(hub=0, mirror=0))
    world.now += 100
    await mirrors.route()
    assert len(test_runs) == 0
    world.now += 600
    await mirrors.route()
    assert len(test_runs) == 1


async def test_a_button_measures_at_once_and_two_share_it(world: World, test_runs: list[Any]) -> None:
    mirrors = world.mirrors()
    told: list[None] = []
    mirrors.changed.connect(told.append)
    await asyncio.gather(mirrors.measure(), mirrors.measure(), mirrors.route())
    assert (len(test_runs), len(told)) == (1, 1)


async def test_what_the_user_chose_is_not_measured(world: World, test_runs: list[Any]) -> None:
    world.settings = Settings(mirrors=("modelscope", "https://mirror.example/", "hub"))
    mirrors = world.mirrors()
    assert not mirrors.automatic
    assert (await mirrors.route()).endpoints == (MODELSCOPE, "https://mirror.example", HUB)
    assert test_runs == []


async def test_nor_what_needs_no_repository(world: World, test_runs: list[Any]) -> None:
    await world.mirrors().route(repositories=False)
    assert test_runs == []


async def test_offline_measures_nothing(world: World, test_runs: list[Any]) -> None:
    world.off = True
    assert (await world.mirrors().route()).endpoints == (HUB,)
    with pytest.raises(StudioError) as caught:
        await world.mirrors().measure()
    assert caught.value.failure.code == "network.offline"
    assert test_runs == []


# --- the environment ----------------------------------------------------------------------------


async def test_hf_endpoint_is_stronger(world: World, test_runs: list[Any]) -> None:
    world.environment = {"HF_ENDPOINT": "https://hub.company.example/", "HF_TOKEN": "hf_of_the_hub"}
    mirrors = world.mirrors()
    route = await mirrors.route()
    assert (route.hub, route.origin) == ("https://hub.company.example", "https://hub.company.example")
    assert route.token(route.hub) is None, "the hub's token is not the company's"
    assert test_runs == []


def test_a_known_mirror_in_hf_endpoint_stays_a_mirror() -> None:
    route = with_environment(Route(), {"HF_ENDPOINT": HUB_MIRROR})
    assert (route.hub, route.origin) == (HUB_MIRROR, HUB)


async def test_the_usual_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert await usual_route() == Route()


# --- tokens -------------------------------------------------------------------------------------


def test_tokens_are_found_where_every_program_looks(world: World, tmp_path: Path) -> None:
    secrets = Secrets(Paths.under(tmp_path).create())
    home = {"HF_HOME": str(tmp_path / "hf")}
    assert Tokens(secrets, home).find("hub") is None
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_from_login\n")
    assert str(Tokens(secrets, home).find("hub")) == "Token(place='login')"
    Tokens(secrets, home).set("hub", " hf_our_own ")
    own = Tokens(secrets, home).find("hub")
    assert own is not None
    assert own.value == "hf_our_own"
    variable = Tokens(secrets, {**home, "HF_TOKEN": "hf_of_this_run"})
    assert variable.by_endpoint() == {HUB: "hf_of_this_run"}
    scope = Tokens(secrets, {"HF_HOME": str(tmp_path / "none"), "MODELSCOPE_API_TOKEN": "ms"})
    assert scope.by_endpoint() == {HUB: "hf_our_own", MODELSCOPE: "ms"}
    scope.remove("hub")
    assert scope.by_endpoint() == {MODELSCOPE: "ms"}


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"HF_TOKEN_PATH": "/a/t"}, "/a/t"),
        ({"HF_HOME": "/b"}, "/b/token"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/token"),
    ],
)
def test_where_the_hubs_program_keeps_it(environment: dict[str, str], file: str) -> None:
    assert token_words.login_file(environment) == Path(file)


async def test_the_proxys_password_is_added_to_its_user(world: World, tmp_path: Path) -> None:
    world.settings = Settings(proxy="http://anna@proxy.example:3128", mirrors=("hub",))
    Secrets(Paths.under(tmp_path).create()).set("proxy", "p@ss")
    assert (await world.mirrors().route()).proxy == "http://anna:p%40ss@proxy.example:3128"
    world.settings = Settings(proxy="http://proxy.example:3128", mirrors=("hub",))
    assert (await world.mirrors().route()).proxy == "http://proxy.example:3128"


def test_the_answer_of_a_range(server: FileServer) -> None:
    """The fake answers ranges as servers do."""
    answer = part_of(b"0123456789", Request("/x", {}, {"range": "bytes=2-4"}))
    assert answer == Answer(206, b"234", {"Content-Range": "bytes 2-4/10"})
