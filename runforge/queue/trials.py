"""Makes runs of a sweep that is in the queue already, out of its template: trials, and what an extension adds.

The folders are durable before the transaction that queues the runs and notes how far the sweep has come. So a kill
leaves folders that no job knows, or the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runforge import clock, failpoints, ids
from runforge.core.study import Study
from runforge.queue.new_jobs import NewRun, insert_job, lane_of, new_runs, reserved
from runforge.queue.run_folders import RunFolders, all_or_nothing
from runforge.store import edges, targets, transitions
from runforge.store.journal import Journal, Transaction
from runforge.sweeps.run_overrides import RunOverrides

#: Notes in the transaction that queues the runs how far the sweep has come; an exception undoes all.
Note = Callable[[Transaction], None]


def make(
    journal: Journal, study: Study, runs: Sequence[RunOverrides], note: Note, *, epoch: int | None = None
) -> list[str]:
    """Queue runs of a sweep, all or nothing; return their ids. Those of a search get numbers from `study.made` on."""
    folders = RunFolders(journal.workspace)
    with all_or_nothing(journal, folders, len(runs)):
        return _make(journal, folders, study, runs, note, epoch)


def _make(
    journal: Journal,
    folders: RunFolders,
    study: Study,
    runs: Sequence[RunOverrides],
    note: Note,
    epoch: int | None,
) -> list[str]:
    now = clock.now()
    name = study.template.name

    def named(first: int) -> list[str]:
        numbers = range(first, first + len(runs))
        return [
            ids.sweep_run_id(now, number) if name is None else ids.named_run_id(now, name, number)
            for number in numbers
        ]

    with reserved(journal, folders, len(runs), named, epoch=epoch) as numbers:
        new = new_runs(folders, numbers.run_ids, runs, study.template.submission, study.group_id)
        with numbers.write() as tx:
            note(tx)
            for index, run in enumerate(new):
                _insert(tx, study, run, index, numbers.first_job + index, now)
            transitions.settle(tx, study.group_id, now)
            failpoints.hit("trials.inserted")
    failpoints.hit("trials.committed")
    return numbers.run_ids


def _insert(tx: Transaction, study: Study, new: NewRun, index: int, number: int, now: str) -> None:
    lane = lane_of(targets.group(tx, study.group_id))
    trial = study.made + index if study.is_searched else None
    job_id = insert_job(tx, new.as_trial(trial), lane, number, now)
    known = {"run": edges.job_of, "group": edges.group_of}
    parents = [each for each in study.template.parents if known[each.kind](tx, each.id) is not None]
    if parents:  # one that was removed is waited for no more
        transitions.depend(tx, job_id, parents, now)
