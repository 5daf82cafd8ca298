"""The record of connections: joined from lines, kept small, nothing lost; several processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from studio.services import connections, network
from studio.services.connections import Connections, Line, Period
from studio.services.network import Network

DAY = 86_400.0
START = 1_790_000_000.0  # in September 2026


def use(record: Connections, number: int, *, day: int = 0, why: str = "model", size: int = 1000) -> None:
    when = START + day * DAY
    name = f"{why}-{day}-{number}"
    record.add(Line(use=name, when=when, why=why, host=f"host{number % 3}.example:443"))
    record.add(Line(use=name, when=when + 5, why=why, sent=10, received=size))


def totals(record: Connections) -> tuple[int, int, int]:
    """Uses, bytes sent and received, in everything that the record still says."""
    uses, periods = record.uses(10**6), record.periods()
    return (
        len(uses) + sum(period.uses for period in periods),
        sum(each.sent or 0 for each in uses) + sum(period.sent for period in periods),
        sum(each.received or 0 for each in uses) + sum(period.received for period in periods),
    )


def size_of(record: Connections) -> int:
    return sum(file.stat().st_size for file in record.logs.iterdir())


def test_lines_make_a_use(tmp_path: Path) -> None:
    record = Connections(tmp_path)
    use(record, 1)
    record.add(Line(use="model-0-1", when=START + 3, why="model", host="cdn.example:443", received=500))
    (found,) = record.uses()
    assert found.hosts == ("host1.example:443", "cdn.example:443")
    assert (found.when, found.why, found.sent, found.received) == (START, "model", 10, 1000)


@pytest.mark.parametrize("days", [30, 900])
def test_the_record_stays_small_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setattr(connections, "RECORD_BYTES", 5_000)
    monkeypatch.setattr(connections, "DAYS_BYTES", 10_000)
    record = Connections(tmp_path)
    for day in range(days):
        for number in range(3):
            use(record, number, day=day, why=("a", "b")[number % 2])
    assert totals(record) == (3 * days, 30 * days, 3000 * days)
    assert size_of(record) < 30_000
    assert {host for row in record.periods() for host in row.hosts} == {
        f"host{n}.example:443" for n in range(3)
    }
    lengths = {len(row.period) for row in record.periods()}
    assert 10 in lengths
    assert days < 100 or 4 in lengths


def test_hosts_without_end_do_not_grow_it_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RECORD_BYTES", 5_000)
    monkeypatch.setattr(connections, "DAYS_BYTES", 10_000)
    record = Connections(tmp_path)
    for day in range(400):
        record.add(
            Line(use=f"{day}", when=START + day * DAY, host=f"{day % 40}.cdn.example:443", received=1, sent=1)
        )
    assert totals(record) == (400, 400, 400)
    assert size_of(record) < 40_000


def test_what_goes_on_while_the_file_turns_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RECORD_BYTES", 3_000)
    record = Connections(tmp_path)
    record.add(Line(use="long", when=START, why="large", host="far.example:443"))
    for step in range(1, 200):
        record.add(Line(use="long", when=START + step, why="large", sent=step, received=step * 1000))
        use(record, step, day=1)
    long = [each for each in record.uses(10**6) if each.id == "long"]
    assert [(each.hosts, each.received) for each in long] == [(("far.example:443",), 199_000)]
    assert totals(record)[0] == 200
    assert totals(record)[2] == 199_000 + 199 * 1000


def test_processes_share_it(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from studio.services import connections
from studio.services.connections import Connections, Line
connections.RECORD_BYTES = 5_000
record = Connections(Path({str(tmp_path)!r}))
for n in range(100):
    record.add(Line(use=sys.argv[1] + str(n), when=1_790_000_000.0, host="h:1"))
    record.add(Line(use=sys.argv[1] + str(n), when=1_790_000_000.0, host="h:1", sent=1, received=1))
"""
    started = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "abcd"]
    for each in started:
        assert each.wait(60) == 0
    uses, sent, received = totals(Connections(tmp_path))
    assert (sent, received) == (400, 400)
    assert 400 <= uses <= 420  # a use whose lines lie on both sides of a turn may count twice


@pytest.mark.logs
def test_a_broken_file_of_days_is_kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RECORD_BYTES", 1_000)
    (tmp_path / "connections.days.json").write_bytes(b'[{"period": "20')
    record = Connections(tmp_path)
    for number in range(60):
        use(record, number)
    assert totals(record)[0] == 60
    assert len(list(tmp_path.glob("connections.days.broken-*.json"))) == 1


def test_days_are_shown_with_the_newest_first(tmp_path: Path) -> None:
    record = Connections(tmp_path)
    assert record.periods() == []
    rows = [Period(period=day, uses=1) for day in ("2026-01-02", "2025", "2026-01-03")]
    import msgspec

    (tmp_path / "connections.days.json").write_bytes(msgspec.json.encode(rows))
    assert [row.period for row in record.periods()] == ["2026-01-03", "2026-01-02", "2025"]


def test_a_killed_process_has_written_most_of_what_it_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "EVERY_SECONDS", 0.0)
    with Network(tmp_path).because("a download"):
        use = network.current()
        assert use is not None
        use.contacted("far.example:443")
        use.count(sent=100)
        use.count(received=5_000_000)
        (found,) = Connections(tmp_path).uses()
        assert (found.sent, found.received) == (100, 5_000_000)
