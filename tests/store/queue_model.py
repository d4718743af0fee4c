"""What the journal must say, as a dictionary: the model that test_stateful.py compares its tables with."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from runforge import workspace
from runforge.core.outcome import DeviceGrant, Grant
from runforge.core.records import Job
from runforge.core.states import LIVE, TERMINAL, Cause, State
from runforge.errors import RunForgeError
from runforge.store import records, verify
from runforge.store.journal import Transaction
from runforge.store.opening import open_journal

NOW = "2026-01-01T00:00:00.000Z"
#: No power fails here, so nothing needs to be synced to a disk.
SHM = "/dev/shm"


@dataclass(frozen=True)
class Model:
    """What the table must say of a job."""

    group: str | None
    gpus: int
    priority: int
    state: State = State.QUEUED
    attempt: int = 1
    lost: int = 0
    cancel_requested: bool = False
    held: bool = False
    blockers: int = 0
    delayed: bool = False
    #: It has ended from running.
    had_started: bool = False
    #: It was canceled because of what it waited for.
    in_vain: bool = False
    #: How often it was edited, and its newest request.
    version: int = 0
    request_sha: str | None = None
    frozen: bool = False
    yield_requested: int = 0
    yields: int = 0
    idle_yields: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether a daemon may start it."""
        return self.state is State.QUEUED and not (self.held or self.blockers or self.delayed)


class ModelMachine(RuleBasedStateMachine):
    """A journal and its model; the rules that change both are its subclass's."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=SHM if os.access(SHM, os.W_OK) else None))
        self.ws = workspace.at(self.folder)
        self.journal = open_journal(self.ws, create=True)
        self.jobs: dict[str, Model] = {}
        self.groups: dict[str, tuple[bool, bool]] = {}
        self.open: set[str] = set()
        self.fail_fast: set[str] = set()
        #: Groups with nothing left to do.
        self.over: set[str] = set()
        self.limits: dict[str, int] = {}
        #: Jobs as somebody looked at them who may edit them later.
        self.shown: dict[str, Job] = {}
        #: (job, parent, condition) -> whether it is met.
        self.edges: dict[tuple[str, str, str], bool] = {}
        self.slots: dict[int, str] = {}
        #: (GPU slot, device) -> the job that has it, and whether it has all of it.
        self.grants: dict[tuple[int, str | None], tuple[str, bool]] = {}
        self.epoch = 0
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            assert verify.check(self.ws) == []
            shutil.rmtree(self.folder)

    # --- doing things --------------------------------------------------------------------------

    def change(self, act: Callable[[Transaction], object], *, allowed: bool = True) -> None:
        """Do it in one transaction: it must be refused, and change nothing, unless it is allowed."""
        refused = contextlib.nullcontext() if allowed else pytest.raises(RunForgeError)
        with refused, self.journal.write(self.epoch) as tx:
            act(tx)

    def pick(self, place: int) -> str | None:
        return sorted(self.jobs)[place % len(self.jobs)] if self.jobs else None

    def row(self, job_id: str) -> Job:
        with self.journal.read() as tx:
            return self.row_in(tx, job_id)

    @staticmethod
    def row_in(tx: Transaction, job_id: str) -> Job:
        return records.job(tx.row("jobs.by_job_id", job_id=job_id))

    def grant(self, job_id: str, slot: int, devices: tuple[str | None, ...] = (), *, whole: bool) -> Grant:
        self.made += 1
        given = [
            DeviceGrant(slot + place, device, whole or device is None)
            for place, device in enumerate(devices[: self.jobs[job_id].gpus])
        ]
        return Grant(f"token-{self.made}", self.epoch, slot, tuple(given))

    def can_be_given(self, devices: tuple[DeviceGrant, ...]) -> bool:
        taken = {slot for slot, _ in self.grants}
        used = {device for _, device in self.grants if device is not None}
        named = [each.device for each in devices if each.device is not None]
        return (
            not taken & {each.slot for each in devices}
            and len(set(named)) == len(named)
            and not any(each.is_whole and each.device in used for each in devices)
        )

    def give(self, job_id: str, grant: Grant) -> None:
        self.slots[grant.slot] = job_id
        for each in grant.devices:
            if not each.is_whole:
                self.grants = {
                    key: (job, is_whole and key[1] != each.device)
                    for key, (job, is_whole) in self.grants.items()
                }
            self.grants[each.slot, each.device] = (job_id, each.is_whole)

    def move(self, job_id: str, state: State, **more: Any) -> None:
        known = self.jobs[job_id]
        started = state in TERMINAL and known.state is State.RUNNING
        left = {"state": state, "had_started": started, "frozen": False, "yield_requested": 0}
        self.jobs[job_id] = replace(known, **{**left, **more})
        self.settle(known.group)
        if state is not State.RUNNING:
            self.slots = {slot: holder for slot, holder in self.slots.items() if holder != job_id}
            self.grants = {key: given for key, given in self.grants.items() if given[0] != job_id}

    # --- what waits for what ---------------------------------------------------------------------

    def settle(self, group: str | None) -> None:
        if group is None:
            return
        is_over = group not in self.open and not any(job.state in LIVE for job in self.members(group))
        (self.over.add if is_over else self.over.discard)(group)

    def members(self, group: str | None) -> list[Model]:
        return [job for job in self.jobs.values() if job.group is not None and job.group == group]

    def holds(self, parent: str, condition: str) -> bool | None:
        if parent in self.groups:
            states = [job.state for job in self.members(parent)]
            if parent not in self.over:
                return None
            return {"ok": set(states) <= {State.SUCCEEDED}, "fail": State.FAILED in states, "any": True}[
                condition
            ]
        job = self.jobs[parent]
        if job.state in LIVE:
            return None
        return {
            "ok": job.state is State.SUCCEEDED,
            "fail": job.state is State.FAILED,
            "any": job.had_started,
        }[condition]

    def unmet(self, job_id: str) -> list[tuple[str, str]]:
        return [
            (parent, how) for (child, parent, how), met in self.edges.items() if child == job_id and not met
        ]

    def waits_in_vain(self, job_id: str) -> bool:
        return any(self.holds(parent, how) is False for parent, how in self.unmet(job_id))

    def resolve(self) -> None:
        """Meet every edge that holds, and cancel who waits in vain, until nothing changes any more."""
        changed = True
        while changed:
            self.edges = {edge: met or self.holds(*edge[1:]) is True for edge, met in self.edges.items()}
            doomed = [
                i for i, job in self.jobs.items() if job.state is State.QUEUED and self.waits_in_vain(i)
            ]
            for job_id in doomed:
                self.move(job_id, State.CANCELED, in_vain=True)
            changed = bool(doomed)
        self.recount()

    def recount(self) -> None:
        for job_id, job in self.jobs.items():
            self.jobs[job_id] = replace(job, blockers=len(self.unmet(job_id)))

    def bring_back(self, job_id: str, *, alone: bool) -> None:
        """Queue a job again, and what was canceled because of it, until nothing changes any more."""
        back = [job_id]
        done: set[str] = set()
        while back:
            for each in back:
                known = self.jobs[each]
                changes = {
                    "lost": 0,
                    "cancel_requested": False,
                    "delayed": False,
                    "in_vain": False,
                    "idle_yields": 0,
                }
                self.move(each, State.QUEUED, attempt=known.attempt + 1, **changes)
                done |= {each, known.group or each}
                if known.group is not None:
                    self.groups[known.group] = (self.groups[known.group][0], False)
            back = [
                i
                for i, job in self.jobs.items()
                if job.in_vain
                and not self.waits_in_vain(i)
                and any(above in done for above, _ in self.unmet(i))
            ] * (not alone)

    def leads_back(self, job_id: str, parent: str) -> bool:
        """Return whether the parent waits for the job already, or for the job's group."""
        targets, seen, ways = {job_id, self.jobs[job_id].group}, set(), [parent]
        while ways:
            node = ways.pop()
            if node in targets:
                return True
            if node not in seen:
                seen.add(node)
                nodes = [i for i, job in self.jobs.items() if node in {i, job.group}]
                ways += [above for i in nodes for above, _ in self.unmet(i)]
        return False

    # --- the tables ----------------------------------------------------------------------------

    @invariant()
    def tables_say_what_the_model_says(self) -> None:
        if not hasattr(self, "journal"):
            return
        with self.journal.read() as tx:
            jobs = {row["job_id"]: _model(records.job(row), row) for row in tx.rows("jobs.all")}
            groups = {row["group_id"]: _group(row) for row in tx.rows("groups.all")}
            is_open = {row["group_id"] for row in tx.rows("groups.all") if row["is_open"]}
            slots = {row["slot_no"]: row["job_id"] for row in tx.rows("attempts.slots")}
            grants = {
                (row["slot_no"], row["device"]): (row["job_id"], row["share_mb"] is None)
                for row in tx.rows("attempts.grants")
            }
            edges = {
                (row["job_id"], row["parent"], row["condition"]): bool(row["met"])
                for row in tx.rows("edges.all")
            }
            limits = {row["group_id"]: row["run_limit"] for row in tx.rows("groups.all") if row["run_limit"]}
            over = {row["group_id"] for row in tx.rows("groups.all") if row["finished_at"]}
            totals = tx.row("jobs.totals")
            epoch = tx.row("journal.epoch")[0]
        assert jobs == self.jobs
        assert groups == self.groups
        assert is_open == self.open
        assert slots == self.slots
        assert grants == self.grants
        assert edges == self.edges
        assert limits == self.limits
        assert over == self.over
        assert epoch == self.epoch
        for state in State:
            assert (totals[state.value] or 0) == sum(job.state is state for job in self.jobs.values())


def _model(job: Job, row: Any) -> Model:
    return Model(
        job.group_id,
        job.needs.gpus,
        job.priority,
        job.state,
        job.attempt,
        job.lost,
        job.cancel_requested,
        bool(row["held"]),
        row["blockers"],
        bool(row["delayed"]),
        job.state in TERMINAL and job.started_at is not None,
        job.cause == Cause.DEPENDENCY,
        job.version,
        job.request_sha,
        job.frozen_at is not None,
        job.yield_requested,
        job.yields,
        job.idle_yields,
    )


def _group(row: Any) -> tuple[bool, bool]:
    return bool(row["is_paused"]), bool(row["is_canceled"])
