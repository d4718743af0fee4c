"""Devices in the journal: leases that cannot be overbooked, memory that was learned, devices that are put aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runforge import clock
from runforge.core.outcome import DeviceGrant, Ending, Grant
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.retrying import Again
from runforge.core.states import Cause, State
from runforge.core.used import Used
from runforge.daemon.claims import Claims
from runforge.daemon.patience import SECONDS
from runforge.errors import RunForgeError
from runforge.machine.gpu_world import Owner, Seen
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import devices
from runforge.store import learned, records, transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

GPUS = Gpus((Gpu(0, "A", "x", 8000), Gpu(1, "B", "x", 8000)))
WHOLE = Resources(gpus=1)
GOOD = Ending(State.SUCCEEDED, Cause.EXIT)
FAILED = Ending(State.FAILED, Cause.EXIT, "its GPU failed", 1, device_failed=True)


@pytest.fixture
def journal(ws: Workspace) -> Iterator[Journal]:
    with open_journal(ws, create=True) as made:
        yield made
    assert verify.check(ws) == []


def enqueue(journal: Journal, name: str, needs: Resources, **more: Any) -> None:
    values = {
        "group_id": None,
        "lane_id": 1,
        "run_dir": "x",
        "overrides": "{}",
        "priority": 0,
        "dry_run_seconds": None,
    }
    with journal.write() as tx:
        transitions.enqueue(tx, needs, job_id=name, run_id=name, now=clock.now(), **{**values, **more})


def job(journal: Journal, name: str) -> Job:
    with journal.read() as tx:
        return records.job(tx.row("jobs.by_job_id", job_id=name))


def end(journal: Journal, name: str, ending: Ending = GOOD, **used: int) -> None:
    with journal.write() as tx:
        now = clock.now()
        found = records.job(tx.row("jobs.by_job_id", job_id=name))
        known = Used(peak_vram=used) if used else None
        transitions.end(tx, found, ending._replace(used=known), now)


def start(claims: Claims, journal: Journal, seconds: float = 0.0) -> list[tuple[str, list[str]]]:
    with journal.write() as tx:
        claimed = claims.claim_all(tx, clock.now(), seconds)
    return [(each.job.job_id, each.grant.uuids) for each in claimed]


def put_aside(journal: Journal) -> list[tuple[str, str]]:
    with journal.read() as tx:
        return [(row["device"], row["reason"]) for row in tx.rows("attempts.quarantined")]


def test_a_slot_for_each_device_lets_devices_alone_say_what_fits(journal: Journal) -> None:
    for name in ("a", "b", "c"):
        enqueue(journal, name, WHOLE)
    claims = Claims(0, 9, None, GPUS)
    assert claims.shown_gpu_slots == 2
    assert start(claims, journal) == [("a", ["A"]), ("b", ["B"])]
    end(journal, "a")
    assert start(claims, journal) == [("c", ["A"])]


def test_runs_that_say_what_they_use_share_a_device(journal: Journal) -> None:
    for number in range(5):
        enqueue(journal, f"p{number}", Resources(gpus=1, vram_mb=3000))
    enqueue(journal, "whole", WHOLE)
    claims = Claims(0, 9, None, GPUS)
    assert start(claims, journal) == [("p0", ["A"]), ("p1", ["A"]), ("p2", ["B"]), ("p3", ["B"])]
    with journal.read() as tx:
        assert [row["share_mb"] for row in tx.rows("attempts.grants")] == [3000] * 4
    end(journal, "p2")
    end(journal, "p3")
    assert start(claims, journal) == [("p4", ["B"])]
    end(journal, "p4")
    assert start(claims, journal) == [("whole", ["B"])]


def test_without_a_gpu_there_is_one_slot(journal: Journal) -> None:
    for name in ("a", "b"):
        enqueue(journal, name, WHOLE)
    claims = Claims(0, 9, None, Gpus(absence="no driver"))
    assert claims.shown_gpu_slots == 1
    assert start(claims, journal) == [("a", [])]


def test_what_a_run_uses_counts_if_it_is_more_than_it_said(journal: Journal) -> None:
    enqueue(journal, "greedy", Resources(gpus=1, vram_mb=1000))
    claims = Claims(0, 9, None, Gpus((GPUS.usable[0],)))
    assert start(claims, journal) == [("greedy", ["A"])]
    owner = Owner(7, "python", "eve", 6000, token="t", is_ours=True)
    claims.gpus = Gpus((GPUS.usable[0],), seen=(Seen("A", 8000, 6000, 6000, 0, True, (owner,)),))
    claims.job_of = {"t": "greedy"}.get
    enqueue(journal, "next", Resources(gpus=1, vram_mb=3000))
    assert start(claims, journal) == []
    enqueue(journal, "small", Resources(gpus=1, vram_mb=1000))
    assert start(claims, journal) == [("small", ["A"])]


def test_a_device_that_others_use_is_given_only_as_far_as_it_is_free(journal: Journal) -> None:
    enqueue(journal, "whole", WHOLE)
    enqueue(journal, "part", Resources(gpus=1, vram_mb=3000))
    seen = (Seen("A", 8000, 4000, 0, 4000, True), Seen("B", 8000, 100, 0, 0, False))
    claims = Claims(0, 9, None, GPUS._replace(seen=seen))
    assert dict(start(claims, journal)) == {"whole": ["B"], "part": ["A"]}


def test_by_an_old_look_no_device_is_given(journal: Journal) -> None:
    enqueue(journal, "a", WHOLE)
    claims = Claims(0, 9, None, GPUS._replace(is_stale=True))
    assert start(claims, journal) == []
    assert claims.is_gpu_wanted


def test_the_journal_refuses_to_lease_a_device_above_its_memory(journal: Journal) -> None:
    for name in ("a", "b"):
        enqueue(journal, name, Resources(gpus=1, vram_mb=5000))

    def claim(name: str, slot: int) -> None:
        grant = DeviceGrant(slot, "A", is_whole=False, share_mb=5000, memory_mb=8000)
        with journal.write() as tx:
            transitions.claim(
                tx,
                records.job(tx.row("jobs.by_job_id", job_id=name)),
                Grant(name, 0, slot, (grant,)),
                clock.now(),
            )

    claim("a", 0)
    with pytest.raises(RunForgeError, match="above its memory"):
        claim("b", 1)
    assert job(journal, "b").state is State.QUEUED


def test_a_run_that_waits_for_its_device_keeps_no_other_of_its_group_waiting(journal: Journal) -> None:
    enqueue(journal, "first", Resources(gpus=1, pins="A"))
    enqueue(journal, "second", Resources(gpus=1, pins="A"))
    enqueue(journal, "third", Resources(gpus=1))
    claims = Claims(0, 9, None, GPUS)
    assert start(claims, journal) == [("first", ["A"]), ("third", ["B"])]
    assert job(journal, "second").needs.pinned == {"A"}


def test_after_ten_minutes_devices_are_kept_for_a_large_run(journal: Journal) -> None:
    claims = Claims(0, 9, None, GPUS)
    for name in ("a", "b"):
        enqueue(journal, name, WHOLE)
    start(claims, journal)
    enqueue(journal, "big", Resources(gpus=2))
    enqueue(journal, "c", WHOLE)
    assert start(claims, journal, 10.0) == []
    end(journal, "a")
    assert start(claims, journal, 100.0) == [("c", ["A"])]  # it is not yet so long
    enqueue(journal, "d", WHOLE)
    end(journal, "c")
    assert start(claims, journal, 10.0 + SECONDS) == []
    assert claims.reservation is not None
    assert (claims.reservation.job_id, claims.reservation.devices) == ("big", {"A", "B"})
    end(journal, "b")
    assert start(claims, journal, 11.0 + SECONDS) == [("big", ["A", "B"])]
    end(journal, "big")
    assert start(claims, journal, 12.0 + SECONDS) == [("d", ["A"])]


def test_the_next_attempt_after_a_full_device_has_a_whole_one_or_another(journal: Journal) -> None:
    claims = Claims(0, 9, None, GPUS)
    enqueue(journal, "part", Resources(gpus=1, vram_mb=1000))
    assert start(claims, journal) == [("part", ["A"])]
    oom = Ending(State.FAILED, Cause.GPU_OOM, "out of GPU memory")
    with journal.write() as tx:
        found = records.job(tx.row("jobs.by_job_id", job_id="part"))
        transitions.try_again(tx, found, oom, clock.now(), Again(0.0, "[1]", is_whole=True))
        tx.run("jobs.release_due", now=clock.later(clock.now(), 60))
    assert job(journal, "part").needs == WHOLE
    with journal.write() as tx:
        (claimed,) = claims.claim_all(tx, clock.now())
    assert (claimed.grant.uuids, claimed.grant.ooms) == (["B"], 1)
    assert claimed.grant.devices[0].is_whole


def test_a_changed_parameter_is_an_override(journal: Journal) -> None:
    enqueue(journal, "a", WHOLE, overrides='{"model.hyperparameters.lr": 0.1}')
    start(Claims(0, 9, None, GPUS), journal)
    oom = Ending(State.FAILED, Cause.GPU_OOM, "out of GPU memory")
    with journal.write() as tx:
        found = records.job(tx.row("jobs.by_job_id", job_id="a"))
        transitions.try_again(
            tx, found, oom, clock.now(), Again(0.0, "[1]", {"model.hyperparameters.batch": 16})
        )
    assert json.loads(job(journal, "a").overrides) == {
        "model.hyperparameters.lr": 0.1,
        "model.hyperparameters.batch": 16,
    }


def test_three_runs_in_a_row_that_fail_on_a_device_put_it_aside(ws: Workspace, journal: Journal) -> None:
    claims = Claims(0, 9, None, Gpus((GPUS.usable[0],)))
    for name, ending in (("a", FAILED), ("b", FAILED), ("ok", None), ("c", FAILED), ("d", FAILED)):
        enqueue(journal, name, WHOLE)
        assert start(claims, journal) == [(name, ["A"])]
        end(journal, name, *([ending] if ending else []))
    assert put_aside(journal) == []
    enqueue(journal, "e", WHOLE)
    start(claims, journal)
    end(journal, "e", FAILED)
    assert put_aside(journal) == [("A", "3 runs failed here")]
    enqueue(journal, "waits", WHOLE)
    assert start(claims, journal) == []
    assert claims.quarantined == {"A"}
    assert devices.release(ws, "A", ["A"]) == "A"
    assert start(claims, journal) == [("waits", ["A"])]


def test_one_run_that_fails_three_times_puts_nothing_aside(journal: Journal) -> None:
    claims = Claims(0, 9, None, Gpus((GPUS.usable[0],)))
    enqueue(journal, "a", WHOLE)
    for _ in range(3):
        start(claims, journal)
        end(journal, "a", FAILED)
        with journal.write() as tx:
            transitions.retry(tx, records.job(tx.row("jobs.by_job_id", job_id="a")), clock.now())
    assert put_aside(journal) == []


# --- what was learned ------------------------------------------------------------------------------


def test_memory_is_learned_from_runs_of_the_same_recipe_and_values(journal: Journal) -> None:
    claims = Claims(0, 99, None, GPUS)

    def run(name: str, peak: int, overrides: str = '{"seed": 1}', recipe: str = "r") -> None:
        enqueue(journal, name, WHOLE, recipe=recipe, overrides=overrides)
        start(claims, journal)
        end(journal, name, A=peak, B=10)

    def asked(overrides: str = '{"model.hyperparameters.seed": 9, "seed": 7}', recipe: str = "r") -> int:
        with journal.read() as tx:
            return learned.needs(tx, WHOLE, recipe, overrides).vram_mb

    run("a", 1000)
    assert asked() == 0  # one is too few
    run("b", 2001)
    assert asked() == 2202
    assert asked('{"batch": 64}') == 0
    assert asked(recipe="other") == 0
    for number in range(10):
        run(f"more{number}", 500)
    assert asked() == 550  # the ten newest count
    with journal.read() as tx:
        assert learned.needs(tx, WHOLE, None, "{}") == WHOLE


def test_waiting_runs_get_what_was_learned_meanwhile(journal: Journal) -> None:
    claims = Claims(0, 99, None, GPUS)
    for name in ("a", "b"):
        enqueue(journal, name, WHOLE, recipe="r")
    start(claims, journal)
    enqueue(journal, "waits", WHOLE, recipe="r", learns=1)
    enqueue(journal, "plain", WHOLE, recipe="r")
    end(journal, "a", A=3000)
    assert job(journal, "waits").needs == WHOLE
    end(journal, "b", B=1000)
    assert job(journal, "waits").needs == Resources(gpus=1, vram_mb=3300)
    assert job(journal, "plain").needs == WHOLE
