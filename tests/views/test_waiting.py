"""Why a run waits: each reason has its words, and parents are called by their numbers."""

from __future__ import annotations

from typing import Any

import pytest

from runforge import clock
from runforge.core.devices import NO_LIMIT, Device, Reservation
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity
from runforge.core.states import State
from runforge.daemon.claims import Claims
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import submit
from runforge.store.opening import open_journal
from runforge.views import daemon_status, glance, lists, queue_snapshot, words
from runforge.views.daemon_status import NO_JOURNAL, DaemonStatus, slots_used, status_of
from runforge.views.free import free_capacity
from runforge.views.kin import Relative, waits_for
from runforge.workspace import Workspace

_JOB = Job(
    *(7, "job_7", "run-7", None, 1, "x", 0, State.QUEUED, Resources(), 1, 0, False, None, "{}"),
    *("2026-01-31T12:00:00.000Z", None, None, None, None, None, None),
)
_SOON = "2126-01-31T12:00:00.000Z"


@pytest.fixture
def daemon(ws: Workspace) -> DaemonStatus:
    return status_of(ws, NO_JOURNAL)._replace(state="running")


def _why(daemon: DaemonStatus, *, is_paused: bool = False, **changes: Any) -> words.Waiting:
    capacity = Capacity(slots=1, gpu_slots=0)
    return words.why_waiting(daemon, capacity, _JOB._replace(**changes), is_paused=is_paused)


def test_a_held_run_says_how_it_is_released(daemon: DaemonStatus) -> None:
    held = _why(daemon, held=True, blockers=2, is_paused=True)
    assert held[:2] == ("held", "it is held; `runforge release 7` lets it start")


def test_a_run_that_waits_for_others_says_so_before_anything_else(daemon: DaemonStatus) -> None:
    assert _why(daemon, blockers=1, is_paused=True)[:2] == ("dependency", "waits for another run or group")
    assert _why(daemon, blockers=3, not_before=_SOON).reason == "dependency"


def test_a_run_starts_later_or_is_tried_again(daemon: DaemonStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "local_and_age", lambda _: "22:30")
    assert _why(daemon, not_before=_SOON)[:2] == ("not_before", "starts at 22:30")
    again = _why(daemon, not_before=_SOON, error="exit code 1")
    assert again[:2] == ("not_before", "exit code 1; tried again at 22:30")
    assert _why(daemon, not_before=_SOON, is_paused=True).reason == "group_paused"


@pytest.mark.parametrize("reason", ["no_cpus", "no_memory", "group_limit", "turn_of_others", "no_free_slot"])
def test_each_reason_has_words_for_sentences_and_for_lists(reason: str) -> None:
    assert words.WAITING[reason]
    assert words.WAITING_BRIEF[reason]


def test_parents_are_called_by_number_and_groups_by_name() -> None:
    found = [
        Relative("run", "a", 12, None, "running", "ok", met=False),
        Relative("run", "b", 13, None, "queued", "ok", met=False),
        Relative("group", "grp_1", None, "lm", "running", "any", met=False),
        Relative("run", "c", 14, None, "succeeded", "ok", met=True),
    ]
    assert waits_for(found) == "waits for 12, 13 to succeed and for group lm to end"
    many = [found[0]._replace(number=n, condition="fail") for n in range(1, 8)]
    assert waits_for(many) == "waits for 1, 2, 3, 4, 5 and 2 more to fail"


def test_a_run_knows_its_parents_and_children(ws: Workspace) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    first, second, third = lists.jobs(ws)[:3]
    with open_journal(ws) as journal, journal.write():
        run = journal.connection.execute
        for parent, kind, condition, met in (
            (first.job_id, "run", "ok", 0),
            (first.group_id, "group", "any", 0),
            ("job_pruned", "run", "ok", 1),
        ):
            run(
                "INSERT INTO dependencies VALUES (?, ?, ?, ?, ?)",
                (third.job_id, parent, kind, condition, met),
            )
        run("UPDATE jobs SET blockers = 2 WHERE job_id = ?", (third.job_id,))
    view = lists.run(ws, third.run_id)
    assert view.job.waiting == "dependency"
    assert view.job.waiting_text == "waits for group families to end and for 1 to succeed"
    assert [(p.called, p.state, p.met) for p in view.parents] == [
        ("group families", "running", False),
        ("1", "queued", False),
        ("job_pruned", None, True),
    ]
    assert {child.number for child in lists.run(ws, first.run_id).children} == {third.number}
    assert [c.condition for c in lists.run(ws, second.run_id).children] == ["any"]
    assert view.to_json()["parents"][1]["number"] == first.number


def test_a_group_with_a_limit_and_a_machine_without_room_are_told(daemon: DaemonStatus) -> None:
    needs = Resources(cpus=8, mem_mb=1000)
    free = Capacity(slots=1, gpu_slots=0, cpus=2, mem_mb=10)
    full = words.why_waiting(daemon, free, _JOB, is_paused=False, is_at_limit=True)
    assert full[:2] == ("group_limit", words.WAITING["group_limit"])
    assert words.why_waiting(daemon, free, _JOB._replace(needs=needs), is_paused=False).reason == "no_cpus"
    roomy = free._replace(cpus=8)
    assert words.why_waiting(daemon, roomy, _JOB._replace(needs=needs), is_paused=False).reason == "no_memory"


def test_a_group_at_its_limit_is_told_by_every_view(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    first, second = lists.jobs(ws)[:2]
    with open_journal(ws) as journal, journal.write():
        run = journal.connection.execute
        run("UPDATE groups SET run_limit = 1")
        run("UPDATE jobs SET state = 'running', started_at = created_at WHERE seq = ?", (first.number,))
    live = status_of(ws, NO_JOURNAL)._replace(state="running", max_parallel=4)
    for module in (daemon_status, glance, queue_snapshot):
        monkeypatch.setattr(module, "status_of", lambda *_: live)
    reader = queue_snapshot.QueueReader(ws)
    snapshot = reader.snapshot(queue_snapshot.JobQuery())
    shown = reader.rows([second.number], snapshot)
    reader.close()
    assert lists.run(ws, second.run_id).job.waiting == "group_limit"
    assert glance.queue_summary(ws).next[0].waiting == "group_limit"
    assert shown[second.number].waiting == "group_limit"


@pytest.mark.parametrize(
    ("device", "needs", "detail"),
    [
        (Device("A", 8000, 1, is_whole=True), Resources(gpus=1), "gpus_busy"),
        (Device("A", 8000, foreign_mb=4000), Resources(gpus=1), "foreign"),
        (Device("A", 8000, 2, 7000), Resources(gpus=1, vram_mb=2000), "memory"),
    ],
)
def test_a_run_without_a_gpu_says_why_it_gets_none(
    daemon: DaemonStatus, device: Device, needs: Resources, detail: str
) -> None:
    full = Capacity(1, NO_LIMIT, (device,))
    waiting = words.why_waiting(daemon, full, _JOB._replace(needs=needs), is_paused=False)
    assert waiting == ("no_gpu_slot", words.WAITING_DETAIL[detail], detail)


def test_a_run_waits_for_devices_that_are_kept_for_another_one(daemon: DaemonStatus) -> None:
    kept = Reservation(Resources(gpus=2), frozenset("A"), "job_1")
    capacity = Capacity(1, NO_LIMIT, (Device("A", 8000),), reservation=kept)
    waiting = words.why_waiting(daemon, capacity, _JOB._replace(needs=Resources(gpus=1)), is_paused=False)
    assert waiting.detail == "reserved"


def test_other_processes_know_what_is_left_of_the_devices(ws: Workspace, daemon: DaemonStatus) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    told = ({"uuid": "A", "index": 0, "memory_mb": 8000, "foreign_mb": 100, "is_known": True},)
    busy = daemon._replace(gpus=told, gpu_auto=True, max_parallel=2)
    with open_journal(ws) as journal:
        claims = Claims(0, 1, None, Gpus((Gpu(0, "A", "x", 8000),)))
        with journal.write() as tx:
            journal.connection.execute("UPDATE jobs SET shape_id = 2 WHERE seq = 1")
            claims.claim_all(tx, clock.now())
        with journal.read() as tx:
            left = free_capacity(busy, tx)
            assert slots_used(tx, busy) == (1, 1)
    assert left.devices == (Device("A", 8000, 1, is_whole=True, foreign_mb=100),)
    assert (left.slots, left.gpu_slots) == (1, NO_LIMIT)
