"""Whose memory is on the devices: this queue's by token, everybody else's, and what cannot be known."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from runforge.machine import gpu_lease
from runforge.machine.gpu_look import Looker
from runforge.machine.gpu_world import Seen
from runforge.machine.gpu_xid import Xids
from runforge.machine.os_process import user_of
from tests.conftest import wait_until
from tests.machine.nvml import FakeNvml, uuid

GIB = 2**30
#: In the command lines of this test process's runs, and of nobody else's.
MARK = secrets.token_hex(8)
NOBODY = 2**22 + 1  # above the highest pid that Linux gives


class Run:
    """A process with an attempt's token, as a run has one."""

    def __init__(self, token: str) -> None:
        env = {**os.environ, "RUNFORGE_TOKEN": token, "RUNFORGE_RUN_ID": f"run-{token}"}
        line = "import sys; print('up', flush=True); sys.stdin.read()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", line, MARK], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.pid = self.process.pid

    def end(self) -> None:
        self.process.communicate(b"")


@pytest.fixture
def runs() -> Iterator[tuple[Run, Run]]:
    both = Run("mine"), Run("other")
    yield both
    for run in both:
        run.end()


def look(looker: Looker | None = None) -> tuple[Seen, ...]:
    return (looker or Looker()).look({"mine"}).seen


def test_memory_belongs_to_this_queues_runs_or_to_others(nvml: FakeNvml, runs: tuple[Run, Run]) -> None:
    mine, other = runs
    held = [{"pid": mine.pid, "memory": 10 * GIB}, {"pid": other.pid, "memory": 3 * GIB}]
    nvml.says([{"processes": held, "use": 87, "reserved": GIB}, {}])
    first, second = look()
    told = (first.total_mb, first.used_mb, first.ours_mb, first.foreign_mb, first.is_known, first.use)
    assert told == (79 * 1024, 13 * 1024, 10 * 1024, 3 * 1024, True, 87)
    ours, theirs = sorted(first.owners, key=lambda owner: not owner.is_ours)
    assert (ours.is_ours, ours.run_id, ours.token, ours.memory_mb) == (True, "run-mine", "mine", 10 * 1024)
    assert (theirs.is_ours, theirs.run_id, theirs.pid) == (False, "run-other", other.pid)
    assert theirs.name.startswith("python")
    assert theirs.user != "?"
    assert user_of(theirs.pid) == os.getuid()
    assert not first.is_idle
    assert second == Seen(uuid(1), 80 * 1024, 0, 0, 0, is_known=True, use=0)
    assert second.is_idle


@pytest.mark.parametrize(
    ("device", "is_known", "is_idle"),
    [
        ({"used": 200 * 2**20}, True, True),  # what a screen takes
        ({"used": 400 * 2**20}, True, False),  # somebody that NVML does not show
        ({"errors": {"nvmlDeviceGetMemoryInfo": "NotSupported"}}, False, True),  # unified memory
        ({"errors": {"nvmlDeviceGetComputeRunningProcesses": "NoPermission"}}, False, True),
        (
            {"used": GIB, "errors": {"nvmlDeviceGetComputeRunningProcesses": "NoPermission"}},
            False,
            False,
        ),
        ({"errors": {"nvmlDeviceGetComputeRunningProcesses": "NotSupported"}}, True, True),
        ({"used": GIB, "errors": {"nvmlDeviceGetComputeRunningProcesses": "NotSupported"}}, True, False),
        ({"processes": [{"pid": 1, "memory": None}]}, False, True),
        ({"processes": [{"pid": NOBODY, "memory": GIB}]}, False, False),
    ],
)
def test_what_is_not_told_is_not_free(
    nvml: FakeNvml, device: dict[str, Any], is_known: bool, is_idle: bool
) -> None:
    nvml.says([device, {}])
    first, second = look()
    assert (first.is_known, first.is_idle) == (is_known, is_idle)
    assert (second.is_known, second.is_idle) == (True, True)


def test_unified_memory_with_somebody_on_it_is_not_idle(nvml: FakeNvml, runs: tuple[Run, Run]) -> None:
    quiet = {"nvmlDeviceGetMemoryInfo": "NotSupported"}
    for run, is_idle in zip(runs, (True, False), strict=True):
        nvml.says([{"processes": [{"pid": run.pid, "memory": None}], "errors": quiet}])
        assert look()[0].is_idle is is_idle


def test_where_pids_are_wrong_memory_alone_decides(nvml: FakeNvml, runs: tuple[Run, Run]) -> None:
    looker = Looker()
    nvml.says([{"processes": [{"pid": runs[0].pid, "memory": 10 * GIB}]}], pids={"shift": NOBODY})
    (first,) = look(looker)
    assert (first.has_pids, first.is_known) == (True, False)  # it may have ended at this moment
    (second,) = look(looker)
    assert (second.has_pids, second.is_known, second.used_mb) == (False, True, 10 * 1024)
    assert (second.others_mb(10 * 1024), second.others_mb(4 * 1024)) == (0, 6 * 1024)


@pytest.mark.parametrize("errors", [{}, {"nvmlDeviceGetComputeRunningProcesses": "NotSupported"}])
def test_where_no_process_is_listed_memory_alone_decides(nvml: FakeNvml, errors: dict[str, str]) -> None:
    nvml.says([{"used": 10 * GIB, "errors": errors}])
    (seen,) = look()
    assert (seen.has_pids, seen.is_known, seen.is_idle) == (False, True, False)
    assert (seen.others_mb(10 * 1024), seen.others_mb(4 * 1024)) == (0, 6 * 1024)


def test_a_process_that_has_just_ended_does_not_make_all_numbers_wrong(nvml: FakeNvml) -> None:
    looker = Looker()
    for number in range(3):
        nvml.says([{"processes": [{"pid": NOBODY + number, "memory": GIB}]}])
        assert look(looker)[0].has_pids


def test_mig_devices_are_seen_by_their_own_uuids(nvml: FakeNvml, runs: tuple[Run, Run]) -> None:
    part = {"uuid": "MIG-a", "memory": 10 * GIB, "processes": [{"pid": runs[1].pid, "memory": GIB}]}
    nvml.says([{"mig": [part, {"uuid": "MIG-b", "memory": 10 * GIB}]}])
    assert [(seen.uuid, seen.total_mb, seen.foreign_mb) for seen in look()] == [
        ("MIG-a", 10240, 1024),
        ("MIG-b", 10240, 0),
    ]


def test_the_file_is_read_again_at_every_look(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNFORGE_FAKE_NVML", str(nvml.world))
    looker = Looker()
    nvml.says([{}, {}])
    assert len(look(looker)) == 2
    nvml.says([{"used": GIB}, {"gone": True}])
    assert [seen.used_mb for seen in look(looker)] == [1024]
    nvml.says([{}, {"errors": {"nvmlDeviceGetMemoryInfo": "GpuIsLost"}}])
    assert [seen.uuid for seen in look(looker)] == [uuid(0)]


def test_memory_by_pattern_and_by_claim(nvml: FakeNvml, runs: tuple[Run, Run]) -> None:
    (nvml.claims / str(runs[0].pid)).write_text(f"{uuid(1)} {2 * GIB}\n")
    nvml.says(2, memory={MARK: {uuid(0): GIB}})
    first, second = look()
    assert (first.ours_mb, first.foreign_mb) == (1024, 1024)
    assert (second.ours_mb, second.foreign_mb) == (2048, 0)


@pytest.mark.parametrize(("queue", "held_by"), [("a" * 16, None), ("b" * 16, "another queue of ")])
def test_a_device_that_another_queue_holds_is_not_idle(
    nvml: FakeNvml, queue: str, held_by: str | None
) -> None:
    nvml.says(2)
    lock = gpu_lease.take(uuid(0), "a" * 16, is_whole=False)
    assert lock is not None
    first, second = Looker(queue).look().seen
    assert (first.held_by is None) is (held_by is None)
    assert (first.held_by or "").startswith(held_by or "")
    assert (first.is_idle, second.is_idle) == (held_by is None, True)
    os.close(lock)
    assert Looker(queue).look().seen[0].held_by is None


def test_an_error_of_the_hardware_is_told_once(nvml: FakeNvml) -> None:
    looker = Looker("a" * 16, Xids())
    nvml.says(2)
    assert [seen.xid for seen in looker.look().seen] == [None, None]
    nvml.says([{"xid": 31}, {"xid": 79}])  # 31 is a program's own fault
    found: list[int | None] = []

    def has_come() -> bool:
        found[:] = [seen.xid for seen in looker.look().seen]
        return found != [None, None]

    wait_until(has_come, "it was told")
    assert found == [None, 79]
    assert [seen.xid for seen in looker.look().seen] == [None, None]


def test_where_nvml_has_no_events_nothing_is_told(nvml: FakeNvml) -> None:
    nvml.says([{"errors": {"nvmlDeviceRegisterEvents": "NotSupported"}, "xid": 79}])
    xids = Xids()
    assert xids.take() == {}
    wait_until(lambda: xids._thread is not None and not xids._thread.is_alive(), "nobody waits for any")
    assert xids.take() == {}
