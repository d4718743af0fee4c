"""The devices of a daemon are looked at again: the lost are taken out, the mended are taken back."""

from __future__ import annotations

import threading
from collections.abc import Collection

import pytest

from runforge.machine import gpu_watch
from runforge.machine.foreign_memory import ForeignMemory
from runforge.machine.gpu_watch import FRESH, LIVE, PATIENCE, PERIOD, GpuWatch
from runforge.machine.gpu_world import Owner, Seen
from runforge.machine.gpus import Gpu, Gpus, Refused
from tests.conftest import wait_until
from tests.machine.nvml import uuid

ONE, TWO = (Gpu(number, uuid(number), "a card", 81920) for number in range(2))
BOTH = Gpus((ONE, TWO))
BROKEN = Gpus(problem="NVIDIA's driver does not work: x")
ABSENT = Gpus(absence="no driver")


class Bench:
    """A watch whose looks find what `there` says, and a clock that is moved by hand."""

    def __init__(self, there: Gpus) -> None:
        self.there = there
        self.looks = 0
        self.tokens: Collection[str] = ()
        self.seconds = 0.0
        self.said: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.watch = GpuWatch(self, self.said.append, self._look)

    def _look(self, tokens: Collection[str]) -> Gpus:
        self.tokens = tokens
        self.looks += 1
        self.may_answer.wait()
        return self.there

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> str:
        return ""

    def after(self, there: Gpus, *, is_in_use: bool = True) -> Gpus:
        """Let it find something else, half a minute later."""
        self.there, looks = there, self.looks
        self.seconds += PERIOD
        self.watch.step(is_in_use=is_in_use)
        wait_until(lambda: self.looks > looks, "it has looked")
        wait_until(lambda: self.watch.step(is_in_use=False) and self.watch._thread is None, "it has seen")
        return self.watch.found


def test_a_mended_driver_is_noticed_and_told_once() -> None:
    bench = Bench(BROKEN)
    assert bench.watch.found == BROKEN
    bench.after(BROKEN, is_in_use=False)
    assert bench.after(BOTH, is_in_use=False) == BOTH
    assert bench.said == [
        "WARNING: NVIDIA's driver does not work: x; runs that need a GPU wait, others continue",
        "the GPUs can be used again",
    ]


def test_a_lost_device_is_taken_out_and_taken_back() -> None:
    bench = Bench(BOTH)
    lost = Gpus((ONE,), (Refused("GPU 1", "lost", 1),))
    assert bench.after(lost) == lost
    assert bench.after(BOTH, is_in_use=False) == BOTH
    assert bench.said == ["WARNING: GPU 1 cannot be used: lost; the others can", "GPU 1 can be used again"]


def test_a_device_that_is_not_even_counted_any_more_is_lost_and_not_absent() -> None:
    bench = Bench(BOTH)
    found = bench.after(Gpus((ONE,)))
    assert (found.usable, found.total) == ((ONE,), 2)
    assert bench.said == [f"WARNING: GPU 1 ({uuid(1)}) cannot be used: it is gone; the others can"]
    assert bench.watch.known == {uuid(0): ONE, uuid(1): TWO}


def test_a_driver_that_went_away_is_broken_and_one_that_never_was_is_absent() -> None:
    assert Bench(BOTH).after(ABSENT).problem == "the GPUs are gone: no driver"
    bench = Bench(ABSENT)
    assert bench.after(ABSENT, is_in_use=False) == ABSENT
    assert bench.after(BOTH, is_in_use=False) == BOTH
    assert bench.said == []


def test_while_all_is_well_and_no_run_has_one_nobody_looks() -> None:
    bench = Bench(BOTH)
    bench.seconds += 10 * PERIOD
    assert bench.watch.step(is_in_use=False) is bench.watch.found
    assert bench.watch._thread is None
    assert bench.looks == 1


def test_nobody_looks_twice_in_a_period() -> None:
    bench = Bench(BROKEN)
    bench.seconds += PERIOD - 1
    bench.watch.step(is_in_use=True)
    assert (bench.looks, bench.watch._thread) == (1, None)


def test_devices_in_use_are_looked_at_each_second_and_only_then() -> None:
    bench = Bench(BOTH)
    for looks in (2, 3):
        bench.seconds += LIVE
        bench.watch.step(is_in_use=True)
        wait_until(lambda: bench.watch.step(is_in_use=False) and bench.watch._thread is None, "it has seen")
        assert bench.looks == looks
    bench.seconds += LIVE
    bench.watch.step(is_in_use=False)
    assert bench.looks == 3
    assert bench.watch.wait_seconds() is None
    bench.watch.tokens = frozenset({"t"})
    bench.after(BOTH)
    assert bench.tokens == {"t"}


def test_what_was_seen_long_ago_gives_no_device_until_somebody_has_looked() -> None:
    seen = BOTH._replace(seen=(Seen(uuid(0), 81920, 0, 0, 0, is_known=True),) * 2)
    bench = Bench(seen)
    assert not bench.watch.step(is_in_use=False).is_stale
    bench.seconds += FRESH + 1
    assert bench.watch.step(is_in_use=False).is_stale
    bench.may_answer.clear()
    assert bench.watch.step(is_in_use=True).is_stale
    assert bench.watch.wait_seconds() == pytest.approx(0.02)
    bench.may_answer.set()
    wait_until(lambda: not bench.watch.step(is_in_use=True).is_stale, "it has looked")
    assert bench.watch.wait_seconds() == pytest.approx(LIVE)


def test_others_memory_counts_at_its_highest_for_ten_minutes() -> None:
    def saw(*memory: int) -> Gpus:
        owners = tuple(Owner(pid, "python", "eve", mb) for pid, mb in enumerate(memory))
        return Gpus(
            (ONE,), seen=(Seen(uuid(0), 81920, sum(memory), 0, sum(memory), is_known=True, owners=owners),)
        )

    foreign = ForeignMemory()
    looks = [(0, (9000,)), (1, (100, 500)), (600, ()), (601, (200,)), (602, ())]
    told = [foreign.added(saw(*memory), at).seen[0].foreign_mb for at, memory in looks]
    assert told == [9000, 9000, 9000, 600, 200]


def test_memory_that_no_process_has_is_not_remembered() -> None:
    foreign = ForeignMemory()
    seen = Seen(uuid(0), 81920, 5000, 0, 5000, is_known=True)
    assert foreign.added(Gpus((ONE,), seen=(seen,)), 0).seen[0].foreign_mb == 5000
    assert foreign.added(Gpus((ONE,), seen=(seen._replace(foreign_mb=0),)), 1).seen[0].foreign_mb == 0


def test_a_driver_that_does_not_answer_stops_nobody() -> None:
    bench = Bench(BOTH)
    bench.may_answer.clear()
    bench.seconds += PERIOD
    assert bench.watch.step(is_in_use=True) == BOTH
    bench.seconds += PATIENCE
    assert bench.watch.step(is_in_use=True).problem == "NVIDIA's driver does not answer"
    bench.may_answer.set()
    wait_until(lambda: bench.watch.step(is_in_use=True) == BOTH, "it has answered")


def test_a_daemon_starts_beside_a_driver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_watch, "PATIENCE", 0.0)
    free = threading.Event()

    def look(_tokens: Collection[str]) -> Gpus:
        free.wait()
        return BOTH

    watch = GpuWatch(gpu_watch_clock(), lambda _line: None, look)
    assert watch.found.problem == "NVIDIA's driver does not answer"
    free.set()
    wait_until(lambda: watch.step(is_in_use=False) == BOTH, "it has answered")


def gpu_watch_clock() -> Bench:
    """Return a clock that does not move."""
    return Bench(ABSENT)
