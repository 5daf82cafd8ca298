"""What a log says of a part is believed as far as it can be true, and no further."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.services.downloads.ledger import arrived
from studio.services.downloads.part import CHUNK, NOTE, SPAN, Claim, Lost, Part
from studio.services.downloads.ranges import Ranges

SIZE = 3 * NOTE


def part_in(folder: Path, size: int | None = SIZE, promise: str = "promise") -> Part:
    return Part(folder / "it", promise, size, threading.Condition())


def claimed(part: Part, streams: int = 1) -> Claim:
    claim = part.claim(streams)
    assert claim is not None
    return claim


def write(part: Part, count: int, *, secure: bool = False) -> None:
    with claimed(part) as claim:
        claim.write(b"x" * count)
    if secure:
        part.secure()


def again(folder: Path, **options) -> list[tuple[int, int]]:
    """What a later process finds."""
    part = part_in(folder, **options)
    part.close()
    return list(part.here)


@pytest.fixture
def reboot(monkeypatch: pytest.MonkeyPatch):
    started = psutil.boot_time()
    return lambda: monkeypatch.setattr(psutil, "boot_time", lambda: started + 1000)


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    write(part, 1000)
    part.close()
    assert again(tmp_path) == [(0, 1000)]
    assert again(tmp_path) == [(0, 1000)]


def test_a_kill_loses_less_than_a_note(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    with claimed(part) as claim:
        for _ in range(20):
            claim.write(b"x" * (NOTE // 8))
        assert again(tmp_path)[0][1] >= claim.at - NOTE  # as another process would see it now
    part.close()


def test_after_a_reboot_only_what_was_on_the_disk_counts(tmp_path: Path, reboot) -> None:
    part = part_in(tmp_path)
    write(part, 1000, secure=True)
    write(part, 500)
    part.close()
    assert again(tmp_path) == [(0, 1500)]
    reboot()
    assert again(tmp_path) == [(0, 1000)]
    assert again(tmp_path) == [(0, 1000)]  # and not more later


def test_a_torn_line_ends_the_log(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    write(part, 1000)
    part.close()
    with part.path.with_suffix(".state").open("ab") as log:
        log.write(b'{"here":[1000,20')
    assert again(tmp_path) == [(0, 1000)]
    with part.path.with_suffix(".state").open("ab") as log:
        log.write(b'\0\0\0\n{"here":[1000,2000]}\n')
    assert again(tmp_path) == [(0, 1000)]


@pytest.mark.parametrize(
    "log", [b"", b"\n", b"nonsense", b'{"promise":"promise","etag":"x"}', b"\xff\xfe", b'{"here":[0,9]}\n']
)
def test_a_log_that_is_none(tmp_path: Path, log: bytes) -> None:
    part = part_in(tmp_path)
    write(part, 1000)
    part.close()
    part.path.with_suffix(".state").write_bytes(log)
    assert again(tmp_path) == []


def test_of_something_else(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    write(part, 1000)
    part.close()
    assert again(tmp_path, promise="another") == []


def test_holes_are_not_here(tmp_path: Path) -> None:
    part = part_in(tmp_path, size=8 * CHUNK)
    first = claimed(part, 8)
    with claimed(part, 8) as second:
        second.write(b"x" * 1000)
    part.release(first)
    part.close()
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "file").write_bytes(bytes(77))
    assert part.path.stat().st_size == CHUNK + 1000
    assert arrived(tmp_path) == 1077


def test_a_log_that_outlived_its_part(tmp_path: Path) -> None:
    """A kill between the name and the end of the log; then the same is fetched again."""
    part = part_in(tmp_path)
    write(part, 1000)
    part.close()
    part.path.unlink()
    part = part_in(tmp_path)
    with claimed(part) as claim:
        claim.write(b"x" * 10)
        part.note(claim)
        claim.write(b"x" * 10)
    part.path.write_bytes(bytes(2000))  # whatever else is there
    part.close()
    assert again(tmp_path) == [(0, 20)]


def test_no_more_than_the_file_holds(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    write(part, 1000)
    part.close()
    with part.path.open("r+b") as file:
        file.truncate(400)
    assert again(tmp_path) == [(0, 400)]
    part.path.unlink()
    assert again(tmp_path) == []


def test_a_lost_range_writes_nothing(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    with claimed(part) as old:
        old.write(b"old")
        part.restart()
        with claimed(part) as new:
            new.write(b"new!")
            with pytest.raises(Lost):
                old.write(b"old")
            with pytest.raises(Lost):
                part.restart(old)
    assert part.path.read_bytes() == b"new!"
    assert list(part.here) == [(0, 4)]
    part.close()


def test_what_is_not_filled_goes_to_another(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    with claimed(part) as first:
        first.write(b"x" * 100)
        assert part.claim(1) is None
    assert claimed(part).start == 100
    part.close()


def test_ranges_shrink_towards_the_end(tmp_path: Path) -> None:
    part = part_in(tmp_path, size=20 * SPAN)
    spans = []
    while claim := part.claim(4):
        spans.append(claim.end - claim.start)
    assert sum(spans) == 20 * SPAN
    assert max(spans) == spans[0] == SPAN
    assert spans[-2] == CHUNK
    assert spans == sorted(spans, reverse=True)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
def test_ranges_know_what_a_set_knows(pairs: list[tuple[int, int]]) -> None:
    ranges, plain = Ranges(), set[int]()
    for start, end in pairs:
        ranges.add(start, end)
        plain |= set(range(start, end))
    assert ranges.total == len(plain)
    assert {n for start, end in ranges for n in range(start, end)} == plain
    gap, end = ranges.first_gap(50)
    assert gap == next(n for n in range(51) if n not in plain) == ranges.prefix
    assert end is not None
    assert not plain & set(range(gap, end))
    assert end == 50 or end in plain
    within = ranges.within(20)
    assert {n for start, end in within for n in range(start, end)} == {n for n in plain if n < 20}
