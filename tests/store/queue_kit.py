"""A real journal with small jobs, moved as a daemon and users would move them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runforge import clock
from runforge.core.dependencies import Parent
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Group, Job
from runforge.core.resources import Resources
from runforge.core.states import Cause, State
from runforge.store import edges, transitions
from runforge.store.journal import Journal
from runforge.store.sqlite import sqlite


def on(job_id: str, condition: str = "ok") -> Parent:
    """Return a run as a parent."""
    return Parent("run", job_id, condition)


def on_group(group_id: str, condition: str = "ok") -> Parent:
    """Return a group as a parent."""
    return Parent("group", group_id, condition)


def rows(path: Path, query: str) -> list[Any]:
    """Return what a query finds in a journal's file, whatever its version."""
    connection = sqlite.connect(str(path), isolation_level=None)
    try:
        return [tuple(row) for row in connection.execute(query).fetchall()]
    finally:
        connection.close()


class Kit:
    """Makes jobs and moves them; job ids are the names that a test gives."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._claims = 0

    def group(self, group_id: str, *, fail_fast: bool = False, run_limit: int | None = None) -> None:
        """Make an empty group."""
        values: dict[str, Any] = {"name": group_id, "notes": None, "created_by": "x", "now": clock.now()}
        values |= {"max_parallel": 1, "objective_metric": None, "direction": "maximize"}
        with self.journal.write() as tx:
            lane_id = tx.row("groups.new_lane")[0]
            tx.run("groups.insert", group_id=group_id, lane_id=lane_id, fail_fast=int(fail_fast), **values)
            if run_limit is not None:
                tx.run("groups.set_limit", group_id=group_id, run_limit=run_limit, now=clock.now())

    def job(
        self,
        job_id: str,
        /,
        *parents: Parent,
        group: str | None = None,
        needs: Resources | None = None,
        **more: Any,
    ) -> Job:
        """Queue a job that waits for these."""
        with self.journal.write() as tx:
            known = None if group is None else edges.group_of(tx, group)
            values = {"run_dir": f"runs/{job_id}", "overrides": "{}", "dry_run_seconds": None, "priority": 0}
            transitions.enqueue(
                tx,
                needs or Resources(),
                job_id=job_id,
                run_id=job_id,
                group_id=group,
                lane_id=1 if known is None else known.lane_id,
                **{**values, "now": clock.now(), **more},
            )
            if parents:
                transitions.depend(tx, job_id, parents)
        return self.get(job_id)

    def get(self, name: str) -> Job:
        """Return a job as it is."""
        with self.journal.read() as tx:
            job = edges.job_of(tx, name)
        assert job is not None, name
        return job

    def get_group(self, group_id: str) -> Group:
        """Return a group as it is."""
        with self.journal.read() as tx:
            group = edges.group_of(tx, group_id)
        assert group is not None, group_id
        return group

    def states(self, *names: str) -> str:
        """Return the first letters of the jobs' states: q r s f c."""
        return "".join(str(self.get(name).state)[0] for name in names)

    def claim(self, *names: str) -> None:
        """Let jobs run."""
        for name in names:
            self._claims += 1
            with self.journal.write() as tx:
                job = edges.job_of(tx, name)
                assert job is not None
                grant = Grant(f"token-{self._claims}", 0, self._claims)
                transitions.claim(tx, job, grant, clock.now())

    def end(self, name: str, state: State, cause: Cause = Cause.EXIT, signature: str | None = None) -> None:
        """End a job that is queued or running."""
        error = None if state is State.SUCCEEDED else f"{state} in a test"
        with self.journal.write() as tx:
            job = edges.job_of(tx, name)
            assert job is not None
            transitions.end(tx, job, Ending(state, cause, error, signature=signature), clock.now())

    def run(self, name: str, state: State = State.SUCCEEDED) -> None:
        """Let a job run and end."""
        self.claim(name)
        self.end(name, state)

    def cancel(self, name: str) -> None:
        """Cancel a queued or running job, as a person does."""
        self.end(name, State.CANCELED, Cause.CANCELED)

    def retry(self, name: str, *, alone: bool = False) -> None:
        """Queue an ended job again, as a person does."""
        with self.journal.write() as tx:
            job = edges.job_of(tx, name)
            assert job is not None
            transitions.retry(tx, job, clock.now(), alone=alone)

    def depend(self, name: str, *parents: Parent) -> None:
        """Let a queued job wait for these too."""
        with self.journal.write() as tx:
            transitions.depend(tx, name, parents)
