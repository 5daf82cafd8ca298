"""The micro-benchmark's own rules, with a clock that the test moves; and all of it, small and real."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch

from studio.domain.failure import Cancelled
from studio.domain.measurement import Measurements
from studio.engine.bench import bench as timing
from studio.engine.bench import disk, kernels, libraries, speeds
from studio.engine.bench.bench import Bench
from studio.engine.bench.load import Load
from studio.families.registry import families


class Clock:
    """Time that passes only when something is done."""

    def __init__(self) -> None:
        self.now = 100.0

    def work(self, *seconds: float) -> Callable[[], None]:
        """Takes so long, the last figure from then on."""
        left = list(seconds)

        def run() -> None:
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


def make(folder: Path, *, seconds: float = 60.0, check: Callable[[], None] | None = None) -> Bench:
    shares = {"first": 1.0, "second": 2.0, "third": 1.0}
    bench = Bench(
        device="cpu",
        threads=1,
        folder=folder,
        seconds=seconds,
        shares=shares,
        check=check or (lambda: None),
        progress=lambda section, fraction: None,
    )
    bench.enter("first")
    return bench


def test_the_run_that_prepares_is_not_counted(clock: Clock, tmp_path: Path) -> None:
    assert make(tmp_path).seconds(clock.work(5.0, 0.25)) == pytest.approx(0.25)


def test_what_comes_in_between_is_not_counted(clock: Clock, tmp_path: Path) -> None:
    """Two of four runs were disturbed; with every run disturbed there is nothing else to say."""
    assert make(tmp_path).seconds(clock.work(5.0, 0.25, 0.9, 0.25, 0.9)) == pytest.approx(0.25)
    assert make(tmp_path).seconds(clock.work(5.0, 0.9)) == pytest.approx(0.9)


def test_short_work_is_timed_many_calls_at_once(clock: Clock, tmp_path: Path) -> None:
    calls = 0

    def run() -> None:
        nonlocal calls
        calls += 1
        clock.now += 1e-5

    assert make(tmp_path).seconds(run) == pytest.approx(1e-5)
    assert calls > 300


def test_when_the_time_is_over_one_run_must_do(clock: Clock, tmp_path: Path) -> None:
    bench = make(tmp_path, seconds=4.0)  # one second of it for the section
    began = clock.now
    assert bench.seconds(clock.work(3.0)) == pytest.approx(3.0)
    assert clock.now - began == pytest.approx(6.0)


def test_points_that_do_not_fit_are_skipped_and_named(clock: Clock, tmp_path: Path) -> None:
    bench = make(tmp_path, seconds=40.0)

    def point(sizes: tuple[int]) -> Callable[[], object]:
        return clock.work(0.01 * sizes[0])

    found = bench.series("work", [(1000,), (1,), (10,)], lambda sizes: float(sizes[0]), point)
    assert [sizes for sizes, _ in found] == [(1,), (10,)]
    assert [rate for _, rate in found] == pytest.approx([0.01, 0.01])
    assert bench.skipped == ["work 1000"]


def test_what_a_section_leaves_over_is_for_those_after_it(clock: Clock, tmp_path: Path) -> None:
    bench = make(tmp_path, seconds=40.0)
    assert bench.left == pytest.approx(10.0)
    clock.now += 1
    bench.enter("second")
    assert bench.left == pytest.approx(39.0 * 2 / 3)
    with bench.part(0.25):
        assert bench.left == pytest.approx(39.0 / 6)
    clock.now += 38
    assert bench.left < 0
    bench.enter("third")
    assert bench.left == pytest.approx(1.0)
    bench.leave()
    assert bench.taken == pytest.approx({"first": 1.0, "second": 38.0, "third": 0.0})


def test_it_can_be_stopped_between_any_two_runs(clock: Clock, tmp_path: Path) -> None:
    runs = 0

    def check() -> None:
        if runs == 2:
            raise Cancelled

    def run() -> None:
        nonlocal runs
        runs += 1
        clock.now += 1

    with pytest.raises(Cancelled):
        make(tmp_path, check=check).seconds(run)
    assert runs == 2


@pytest.mark.parametrize(("times", "taken"), [(4.0, True), (6.0, False)])
def test_a_type_without_instructions_of_its_own_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: float, taken: bool
) -> None:
    """Five times as long as float32 is the limit, for a convolution or a product of matrices."""
    bench = make(tmp_path)
    figures = {torch.float32: (1.0, 1.0), torch.bfloat16: (1.0, times), torch.float16: (times, 1.0)}
    monkeypatch.setattr(speeds, "_small", lambda _bench, dtype: figures[dtype])
    assert ("bfloat16" in speeds.precisions(bench)) is taken
    assert ("float16" in bench.absent) is not taken


def test_a_type_that_the_device_does_not_know_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(_bench: Bench, dtype: torch.dtype) -> tuple[float, float]:
        if dtype == torch.bfloat16:
            raise RuntimeError("\"conv\" not implemented for 'BFloat16'\nand more")
        return 1.0, 1.0

    monkeypatch.setattr(speeds, "_small", small)
    bench = make(tmp_path)
    assert speeds.precisions(bench) == ["float32", "float16"]
    assert bench.absent == {"bfloat16": "\"conv\" not implemented for 'BFloat16'"}


def test_the_disk_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    found = disk.read(make(tmp_path))
    assert found is not None
    assert 1e5 < found.read < 1e12
    assert 1e5 < found.written < 1e12
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_to_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=disk.ROOM - 1)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _folder: usage)
    assert disk.read(make(tmp_path)) is None


def test_a_family_s_libraries_in_a_process_of_their_own(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))
    bench = make(tmp_path, seconds=600)
    found: dict[str, libraries.Cost] = {}
    names = sorted(families())[:2]
    libraries._turn(bench, list(names), found, together=2)
    assert sorted(found) == names, (bench.skipped, bench.absent)
    cost = found[names[0]]
    assert 0 < cost.seconds < 60
    assert 10e6 < cost.anonymous < cost.bytes < 4e9


@pytest.mark.logs
def test_libraries_that_cannot_be_imported_are_absent(tmp_path: Path) -> None:
    bench, found = make(tmp_path), {}
    libraries._turn(bench, ["nobody"], found, together=1)
    assert found == {}
    assert list(bench.absent) == ["libraries nobody"]


def test_without_time_no_library_is_imported(tmp_path: Path) -> None:
    bench = make(tmp_path, seconds=-1)
    assert libraries.libraries(bench) == {}
    alike = {(*spec.libraries, *spec.tasks): name for name, spec in reversed(families().items())}
    assert sorted(bench.skipped) == sorted(f"libraries {name}" for name in alike.values())


def test_others_are_others(tmp_path: Path) -> None:
    """What this process does itself is not counted; a share is a share."""
    load = Load()
    torch.set_num_threads(1)
    values = torch.ones(512, 512)
    for _ in range(50):
        values = (values @ values).clamp(max=1)
    assert 0.0 <= load.others() <= 1.0


def test_more_rows_take_longer_and_less_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "ROWS", (1, 256))
    monkeypatch.setattr(kernels, "COLD_BYTES", 64 * 2**20)
    with torch.no_grad():
        (_, one), (_, many) = kernels.linear(make(tmp_path, seconds=600), torch.float32)
    assert one < many < 256 * one


def check_sane(found: Measurements) -> None:
    """Every figure that is there is a number that a computer could have."""
    assert found.best.precision == "float32" or found.references
    assert any(one.net == "denoiser" for one in found.references)
    figures: list[Any] = [found.memory_bandwidth, *found.matmul.values(), *found.copy.values()]
    figures += [one.seconds for one in found.references]
    for rates in found.rates:
        points = (*rates.linear, *rates.convolution, *rates.attention, *rates.pointwise)
        figures += [rates.call, *(point[-1] for point in points)]
    assert all(math.isfinite(figure) and figure > 0 for figure in figures)
    assert all(math.isfinite(figure) and figure >= 0 for figure in found.own.values())
    again = msgspec.json.decode(msgspec.json.encode(found), type=Measurements)
    assert again == found
