"""The load of `python -m gauntlets chaos --graphs`, and what must be true of its runs afterwards.

Its runs wait for earlier runs and groups, in every way; they are tried again, end at a time limit, are held, edited
and moved. Each process notes what it was told: `EDGES run parent:condition...` for the gates that a run had before
its first start; a later line replaces an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gauntlets.chaos_load import Load, main
from runforge import clock
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.core.submission import Submission
from runforge.drills.scene import base_request
from runforge.drills.witness import Seen, Sightings
from runforge.queue import edit, hold, move, ordering, submitting
from runforge.queue.edit_wish import Edit
from runforge.queue.ordering import After, Order
from runforge.store import edges, records
from runforge.store.opening import open_journal
from runforge.store.transaction import Transaction
from runforge.sweeps.combine import Sweep
from runforge.workspace import Workspace

_CONDITIONS = ("ok",) * 6 + ("any",) * 3 + ("fail",)
_NEAR = 40


class GraphLoad(Load):
    """One process's share: it submits runs that wait for its own earlier ones."""

    batch = 10
    backlog = 400
    #: As `Load`'s, then edit, hold, release, move, gates.
    weights = (4, 8, 4, 4, 1, 6, 0.2, 8, 3, 6, 6, 4)

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        #: Held since they were submitted, so they have never started.
        self._kept: list[str] = []
        self._job_of: dict[str, str] = {}

    def deeds(self, run_id: str, group_id: str) -> dict[str, tuple[str, Callable[[], Any]]]:
        """Return what can be done to what was submitted."""
        job = self._job_of.get
        return super().deeds(run_id, group_id) | {
            "edit": (run_id, lambda: self._edit(job(run_id, ""))),
            "hold": (run_id, lambda: hold.hold(self.workspace, [job(run_id, "")])),
            "release": ("", self._release_one),
            "move": (run_id, lambda: self._move(job(run_id, ""))),
            "gates": ("", self._set_gates),
        }

    def enqueue(self) -> None:
        """Submit a few runs, one after another, or a sweep."""
        for _ in range(min(self.batch, self._left)):
            count = min(self._left, self._dice.choice([1] * 12 + [4]))
            parents = self._parents()
            kept = self._dice.random() < 0.1
            made = self._submit(count, parents, is_held=kept)
            self._left -= count
            self._runs += made.run_ids
            self._groups += [made.group_id] if made.group_id else []
            self._job_of |= dict(zip(made.run_ids, made.job_ids, strict=True))
            self._kept += made.run_ids if kept else ()
            for run_id in made.run_ids:
                self._told(run_id, parents)
                print(f"ACK {run_id}", flush=True)

    def _submit(self, count: int, parents: tuple[After, ...], *, is_held: bool) -> submitting.Submitted:
        dice = self._dice
        request = base_request(self._witness)
        values = request["model"]["hyperparameters"]
        values |= {
            "seconds": round(min(1.0, dice.expovariate(3.0)), 3),
            "code": dice.choice((0, 0, 0, 0, 0, 3)),
        }
        values["kind"] = dice.choice(("plain",) * 12 + ("flaky", "flaky", "forking", "stubborn"))
        if dice.random() < 0.1:
            request |= {"timeout_seconds": 0.4, "grace_seconds": 1}
        rules = [{"times": 2, "causes": ["exit", "signal", "timeout"], "backoff_seconds": 0.2}]
        request |= {"retry": rules} if dice.random() < 0.3 else {}
        later = clock.later(clock.now(), dice.uniform(0, 2)) if dice.random() < 0.1 else None
        submission = Submission(held=is_held, not_before=later, priority=dice.choice((0, 0, 0, 5)))
        rows = tuple({"seconds": 0.01 * (number + 1)} for number in range(count))
        sweep = None if count == 1 else Sweep(rows, ())
        limit = None if count == 1 else 2
        order = Order(request, "graph", submission, sweep, after=parents, run_limit=limit)
        return submitting.submit(self.workspace, order, ordering.prepare(order))

    def _parents(self) -> tuple[After, ...]:
        """Return some of the newest runs, and sometimes a group; the graph is deep and wide."""
        if not self._runs or self._dice.random() < 0.2:
            return ()
        named = self._dice.sample(self._runs[-_NEAR:], min(len(self._runs), self._dice.choice((1, 1, 2, 3))))
        named += [self._groups[-1]] if self._groups and self._dice.random() < 0.1 else []
        return tuple(After(name, self._dice.choice(_CONDITIONS)) for name in named)

    def _told(self, run_id: str, parents: tuple[After, ...]) -> None:
        print(" ".join(["EDGES", run_id, *(f"{after.target}:{after.condition}" for after in parents)]))

    def _edit(self, job_id: str) -> None:
        edit.set_parameters(self.workspace, {job_id: {"seconds": round(self._dice.uniform(0, 0.2), 3)}})

    def _move(self, job_id: str) -> None:
        move.move(self.workspace, [job_id], self._dice.choice((move.FRONT, move.BACK)))

    def _release_one(self) -> None:
        if self._kept:
            hold.release(self.workspace, [self._job_of[self._kept.pop(0)]])
        else:
            held = [
                self._job_of[run_id] for run_id in self._dice.sample(self._runs, min(20, len(self._runs)))
            ]
            hold.release(self.workspace, held)

    def _set_gates(self) -> None:
        """Give other parents to a run that was held since it was submitted, so that it has never started."""
        if not self._kept:
            return
        run_id, parents = self._kept.pop(), self._parents()
        if run_id in {after.target for after in parents}:
            return
        wish = Edit(after=parents)
        if edit.edit(self.workspace, {self._job_of[run_id]: wish}).changed:
            self._told(run_id, parents)
        hold.release(self.workspace, [self._job_of[run_id]])


def release_all(workspace: Workspace) -> None:
    """Let every held run start."""
    with open_journal(workspace) as journal, journal.read() as tx:
        held = [job.job_id for job in map(records.job, tx.rows("jobs.all")) if job.held]
    hold.release(workspace, held)


# --- what must be true at the end ------------------------------------------------------------------


def check(workspace: Workspace, seen: Sightings, lines: Iterable[str]) -> list[str]:
    """Return what started too early, and what was canceled although it could start."""
    told = {words[1]: words[2:] for words in (line.split() for line in lines) if words[:1] == ["EDGES"]}
    with open_journal(workspace) as journal, journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.all")]
        members: dict[str, list[str]] = {}
        for job in jobs:
            members.setdefault(job.group_id or "", []).append(job.run_id)
        in_vain = {job.run_id: edges.in_vain(tx, job) for job in jobs if job.cause == Cause.DEPENDENCY}
        attempts = [records.attempt(row) for row in tx.rows("attempts.all")]
        failed = {job.run_id: _failed(tx, job) for job in jobs}
    found = [
        f"{run} was canceled for its parents, and none forbids it" for run, why in in_vain.items() if not why
    ]
    for run_id, parents in told.items():
        first = min((one.started_at for one in attempts if one.run_id == run_id), default="")
        unseen = _unseen(seen, failed, first)
        found += _too_early(seen, run_id, parents, members, unseen)
    return found


def _failed(tx: Transaction, job: Job) -> list[tuple[str, int, str]]:
    """Return when a job has failed, with which attempt, and why. It may have been tried again, and have succeeded, since."""
    entries = tx.rows("journal.entries_of_job", job_id=job.job_id)
    return [
        (entry["at"], entry["attempt"], json.loads(entry["detail"])["cause"])
        for entry in entries
        if entry["to_state"] == State.FAILED
    ]


def _unseen(seen: Sightings, failed: Mapping[str, list[tuple[str, int, str]]], moment: str) -> set[str]:
    """Return the runs that failed until a moment as no line of theirs can say.

    A limit of 0.4 s may end a run before its first line, and after its last one.
    """
    return {
        run_id
        for run_id, ends in failed.items()
        if any(
            at <= moment and (cause == Cause.TIMEOUT or attempt not in seen.get(run_id, {}))
            for at, attempt, cause in ends
        )
    }


def _too_early(
    seen: Sightings, run_id: str, parents: Iterable[str], members: dict[str, list[str]], unseen: set[str]
) -> Iterator[str]:
    """Say which parent had not ended as asked when a run started for the first time. `unseen` have failed unseen."""
    starts = [one.first_start for one in seen.get(run_id, {}).values() if one.first_start is not None]
    for parent in parents if starts else ():
        name, _, condition = parent.rpartition(":")
        runs = members.get(name, [name])
        before = [_before(seen.get(run, {}), min(starts)) for run in runs]
        if condition != "ok" and not unseen.isdisjoint(runs):
            continue
        if condition == "ok":
            is_right = all(any(0 in one.codes for one in each) for each in before)
        elif condition == "fail":
            is_right = any(any(one.starts and 0 not in one.codes for one in each) for each in before)
        else:
            is_right = name in members or any(one.starts for one in before[0])
        if not is_right:
            yield f"{run_id} started before {name} had ended as asked ({condition})"


def _before(attempts: Any, line: int) -> list[Seen]:
    """Return what was seen of a run's attempts before a line of the witness."""
    found = []
    for one in attempts.values():
        if one.first_start is not None and one.first_start < line:
            is_over = one.last_end is not None and one.last_end < line
            found.append(Seen(one.starts, one.codes if is_over else [], one.first_start))
    return found


if __name__ == "__main__":
    main(GraphLoad)
