"""What starts next, out of the real tables: the same job as a look at every job gives, found by seeks alone."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, choose, place
from runforge.store import heads, records, transitions, verify
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from runforge.store.queries import query
from runforge.workspace import Workspace

NOW = "2026-01-01T00:00:00.000Z"
NEEDS = (Resources(), Resources(gpus=1), Resources(gpus=2), Resources(gpus=1, vram_mb=500))
GATES = ("held = 1", "blockers = 2", "delayed = 1, not_before = 'later'", "position = 0.5", "position = 99")

jobs = st.tuples(
    st.integers(0, 3),
    st.sampled_from(NEEDS),
    st.integers(-1, 1),
    st.one_of(st.none(), st.sampled_from(GATES)),
)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("ws")
    with open_journal(Workspace(folder, folder / ".runforge"), create=True) as made:
        yield made


class Queue:
    """A journal that is filled inside a transaction, and forgotten."""

    def __init__(self, journal: Journal) -> None:
        self.tx = Transaction(journal.connection)
        self.run = journal.connection.execute
        self.lanes = [1]
        self.made = 0

    def lane(self, *, is_paused: bool = False) -> int:
        """Make a group; return its lane."""
        number = self.tx.row("groups.new_lane")[0]
        group = {"group_id": f"g{number}", "name": "x", "notes": None, "created_by": "x", "now": NOW}
        more = {"max_parallel": 1, "fail_fast": 0, "objective_metric": None, "direction": "maximize"}
        self.tx.run("groups.insert", lane_id=number, **group, **more)
        if is_paused:
            self.tx.run("groups.set_paused", group_id=f"g{number}", is_paused=1, now=NOW)
        self.lanes.append(number)
        return int(number)

    def job(self, lane_id: int, needs: Resources, priority: int = 0, change: str | None = None) -> None:
        """Enqueue a job, and change its row."""
        self.made += 1
        name = f"j{self.made}"
        values: dict[str, Any] = {"run_dir": ".", "overrides": "{}", "dry_run_seconds": None, "now": NOW}
        values |= {"job_id": name, "run_id": name, "priority": priority}
        group_id = f"g{lane_id}" if lane_id > 1 else None
        transitions.enqueue(self.tx, needs, group_id=group_id, lane_id=lane_id, **values)
        if change is not None:
            self.run(f"UPDATE jobs SET {change} WHERE job_id = ?", (name,))
            self.run(
                "INSERT INTO dependencies (job_id, parent, kind, condition)"
                " SELECT job_id, 'elsewhere', 'run', value FROM jobs, json_each('[\"ok\", \"any\"]')"
                " WHERE job_id = ? AND blockers = 2",
                (name,),
            )

    def best(self, capacity: Capacity) -> str | None:
        """Return what is to start next, found by a look at every job."""
        able = []
        for row in self.run(
            "SELECT f.*, position, served, is_paused FROM full_jobs AS f JOIN jobs USING (seq) JOIN lanes USING (lane_id)"
        ):
            is_ready = row["state"] == "queued" and not (row["held"] or row["blockers"] or row["delayed"])
            if is_ready and not row["is_paused"] and place(records.needs(row), capacity) is not None:
                position = row["seq"] if row["position"] is None else row["position"]
                turn = (row["served"], row["lane_id"], -row["priority"], position, row["seq"])
                able.append((*turn, str(row["job_id"])))
        return min(able)[-1] if able else None


@contextlib.contextmanager
def forgotten(journal: Journal) -> Iterator[Queue]:
    journal.connection.execute("BEGIN IMMEDIATE")
    try:
        yield Queue(journal)
    finally:
        journal.connection.execute("ROLLBACK")


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(jobs, max_size=14),
    lanes=st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=3, max_size=3),
    gpu_slots=st.integers(0, 3),
    is_changed=st.booleans(),
)
def test_the_choice_is_what_looking_at_every_job_gives(
    journal: Journal, made: list[Any], lanes: list[tuple[int, bool]], gpu_slots: int, is_changed: bool
) -> None:
    with forgotten(journal) as queue:
        for _, is_paused in lanes:
            queue.lane(is_paused=is_paused)
        for lane, needs, priority, change in made:
            queue.job(queue.lanes[lane], needs, priority, change)
        # After the jobs: what is stored beside a lane's needs must follow.
        for lane_id, (served, _) in zip(queue.lanes[1:], lanes, strict=True):
            queue.tx.run("groups.set_served", lane_id=lane_id, served=served)
        if is_changed:
            queue.run("UPDATE jobs SET held = 1 - held WHERE seq % 3 = 0")
            queue.run("UPDATE jobs SET shape_id = 1 + seq % 2 WHERE seq % 5 = 0")
            queue.run("UPDATE jobs SET priority = 1 WHERE seq % 7 = 0")
        found, capacity = heads.first(queue.tx), Capacity(1, gpu_slots)
        best = choose(found, capacity)
        assert len({one.needs for one in found}) == len(found)
        assert (best.job_id if best is not None else None) == queue.best(capacity)
        for lane_id in queue.lanes:
            of_lane = choose(heads.first(queue.tx, only=lane_id), capacity)
            assert of_lane is None or of_lane.lane_id == lane_id
        assert verify.contradictions(queue.tx) == []


@pytest.mark.parametrize(
    "name",
    ["jobs.heads", "jobs.heads_of_lane", "jobs.by_job_id", "jobs.claim", "groups.by_id", "groups.set_served"],
)
def test_picking_and_claiming_search_and_never_scan(journal: Journal, name: str) -> None:
    text = query(name)
    values = dict.fromkeys(re.findall(r":(\w+)", re.sub(r"--.*", "", text)))
    plan = [row["detail"] for row in journal.connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    assert any(step.startswith("SEARCH") for step in plan)
    # `first` is the list of needs that some ready job has, one row each.
    assert [
        step for step in plan if step.startswith("SCAN") and step not in {"SCAN first", "SCAN CONSTANT ROW"}
    ] == []
    assert [step for step in plan if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "attempts.elsewhere",
            "attempts.running",
            "jobs.live_singles",
            "jobs.next_waiting",
            "jobs.order_running",
        ),
        *("jobs.running", "look.jobs_first", "look.jobs_next", "look.jobs_running", "sweeps.judged"),
    ],
)
def test_what_runs_or_is_next_is_found_without_a_look_at_what_has_ended(journal: Journal, name: str) -> None:
    """Those are a few, and of the others there may be a million: SQLite reads all of a lane, or of the table, if it may."""
    text = query(name)
    values = dict.fromkeys(re.findall(r":(\w+)", re.sub(r"--.*", "", text)))
    plan = [row["detail"] for row in journal.connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    assert [step for step in plan if step.startswith("SCAN jobs") and " INDEX " not in step] == []
    assert [step for step in plan if "jobs_by_lane" in step] == []


def test_paused_lanes_and_gated_jobs_cost_a_pick_nothing(journal: Journal) -> None:
    """SQLite counts its own steps: as many with thousands of lanes and jobs that cannot start as without."""

    def steps(queue: Queue) -> int:
        count = itertools.count()
        journal.connection.set_progress_handler(lambda: next(count) and None, 1)
        try:
            assert [one.job_id for one in heads.first(queue.tx)] == ["j1", "j2"]
        finally:
            journal.connection.set_progress_handler(None, 0)
        return next(count)

    with forgotten(journal) as queue:
        last = queue.lane()
        queue.tx.run("groups.set_served", lane_id=last, served=9)
        queue.job(last, NEEDS[0])
        queue.job(last, NEEDS[1])
        steps(queue)  # the first time the statement is made ready
        alone = steps(queue)
        for number in range(300):
            lane = queue.lane(is_paused=number % 2 == 0)
            for needs in NEEDS[:2]:
                gate = None if number % 2 == 0 else GATES[number % 3]
                queue.job(lane, needs, 5, gate)
                queue.job(last, needs, 5, GATES[number % 3])
        assert steps(queue) == alone
