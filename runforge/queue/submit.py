"""Puts work into the queue: durable run folders, then one transaction, then the daemon is woken.

A refused command changes no journal and no files. A crash between the first two steps leaves at most run
folders without a job.
"""

from __future__ import annotations

from runforge import clock, ids
from runforge.core.states import LIVE, State
from runforge.core.submission import MAX_RUNS, USUAL, Submission
from runforge.documents.request_file import read_queued_request
from runforge.errors import InvalidPlan, Missing, OperationFailed
from runforge.later import module
from runforge.named import NamedTuple
from runforge.queue.change import announce, call
from runforge.queue.new_jobs import (
    NewGroup,
    NewRun,
    insert_group,
    insert_job,
    lane_of,
    new_runs,
    queued_as,
    reserved,
)
from runforge.store import records, transitions
from runforge.store.opening import open_journal
from runforge.training.check import check_datasets, check_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.core.records import Group, Job
    from runforge.documents.plan import Plan
    from runforge.documents.request import Request
    from runforge.queue.run_folders import RunFolders
    from runforge.store import edges, targets
    from runforge.store.foreground import Mark
    from runforge.store.journal import Journal, Transaction
    from runforge.sweeps.run_overrides import RunOverrides
    from runforge.workspace import Workspace
else:
    edges = module("runforge.store.edges")
    targets = module("runforge.store.targets")


class EnqueuedSweep(NamedTuple):
    """The group that was made from a plan."""

    group_id: str
    run_ids: tuple[str, ...]
    plan: Plan
    #: Sentences about what was accepted and may be a mistake.
    doubts: tuple[str, ...] = ()
    #: The request of its first run.
    first: Request | None = None


def enqueue_sweep(
    workspace: Workspace,
    plan_bytes: bytes,
    submission: Submission = USUAL,
    *,
    where: str,
    max_runs: int = MAX_RUNS,
    owner: Mark | None = None,
) -> EnqueuedSweep:
    """Make a group of runs from a plan, all or nothing. The submission has the options of each run.

    With an owner, the runs that wait are canceled if that process is killed.
    Raises InvalidPlan, InvalidRequest or Missing before anything is written.
    """
    from runforge.documents.plan import parse_plan
    from runforge.queue.run_folders import RunFolders, all_or_nothing
    from runforge.sweeps.expand import doubts_about, expand, samples

    plan = parse_plan(plan_bytes, where=where)
    runs = expand(plan, limit=max_runs)
    checked = runs or samples(plan)
    if owner is not None and not runs:
        raise InvalidPlan(
            "strategy.type: the trials of a TPE search are made by a daemon",
            where=where,
            fix="`runforge enqueue-sweep` queues it",
        )
    check_datasets([run.request for run in checked], workspace.root)
    doubts = tuple(doubts_about(plan, checked))
    with open_journal(workspace, create=True) as journal:
        folders = RunFolders(workspace)
        with all_or_nothing(journal, folders, len(runs)):
            made = _make_sweep(journal, folders, plan, runs, submission, owner)
        called = call(workspace)
    announce(workspace, called)
    return made._replace(doubts=doubts, first=checked[0].request)


def _make_sweep(
    journal: Journal,
    folders: RunFolders,
    plan: Plan,
    runs: Sequence[RunOverrides],
    submission: Submission,
    owner: Mark | None,
) -> EnqueuedSweep:
    from runforge.core.study import Template
    from runforge.queue import studies

    now = clock.now()

    def named(first: int) -> list[str]:
        return [ids.sweep_run_id(now, first + index) for index in range(len(runs))]

    with reserved(journal, folders, len(runs), named) as numbers:
        group_id = folders.make_group(now, plan.name, plan.raw)
        if owner is not None:
            owner.take(group_id)
        new = new_runs(folders, numbers.run_ids, runs, submission, group_id)
        study = studies.of_plan(plan, group_id, Template(plan.base_request, None, submission))
        with numbers.write() as tx:
            group = NewGroup.of_plan(group_id, plan)
            if owner is not None:  # somebody watches it, and nothing could lift a pause
                group = group._replace(breaker=0)
            lane = lane_of(insert_group(tx, group, now))
            first_trial = studies.keep(tx, study, len(new), now)
            for index, run in enumerate(new):
                trial = first_trial + index if study.is_searched else None
                insert_job(tx, run.as_trial(trial), lane, numbers.first_job + index, now)
    return EnqueuedSweep(group_id, tuple(numbers.run_ids), plan)


def enqueue_run(workspace: Workspace, run_id: str, submission: Submission = USUAL) -> Job:
    """Enqueue the run of an existing run folder; one that has ended runs again. A group that is unknown is made.

    Raises Missing without the folder, InvalidRequest for its request.json, OperationFailed if the
    run is queued or running.
    """
    run = _run_of(workspace, run_id, submission)
    with open_journal(workspace, create=True) as journal:
        with journal.write() as tx:
            now = clock.now()
            if tx.row("jobs.number_of_run", run_id=run_id) is None:
                insert_single(tx, run, now)
            else:
                _run_again(workspace, tx, records.job(tx.row("jobs.by_run_id", run_id=run_id)), run, now)
        with journal.read() as tx:
            tx.row("jobs.number_of_run", run_id=run_id)  # from here on nothing that the daemon does is seen
            called = call(workspace)
            job = records.job(tx.row("jobs.by_run_id", run_id=run_id))
    announce(workspace, called)
    return job


def _run_of(workspace: Workspace, run_id: str, submission: Submission) -> NewRun:
    """Return the run of an existing folder, checked, and how its job is queued."""
    folder = workspace.find_run_dir(run_id)
    if folder is None:
        raise Missing(
            f"run folder not found: {workspace.run_dir(run_id)} (nor in .ml/runs)",
            fix="Make the folder and its request.json first",
        )
    request, sha = read_queued_request(folder / "request.json")
    check_request(request, workspace.root)
    if request.objective is not None:
        from runforge.sweeps.effect import require_reported

        require_reported(request.objective.metric, {request.family}, where=str(folder / "request.json"))
    return NewRun(run_id, workspace.relative(folder), request.needs, queued_as(request, sha, submission))


def insert_single(tx: Transaction, run: NewRun, now: str) -> None:
    """Write the job of a run without a sweep, into its group; one that is unknown is made."""
    group = _group_of(tx, run.submission.group, now)
    number = tx.row("journal.reserve_numbers", jobs=1, runs=0)[0]
    insert_job(tx, run, lane_of(group), number, now)
    if group is not None:
        tx.run("groups.set_canceled", group_id=group.group_id, is_canceled=0, now=now)
        tx.run("groups.settle", group_id=group.group_id, now=now, has_succeeded=0)


def _run_again(workspace: Workspace, tx: Transaction, job: Job, run: NewRun, now: str) -> None:
    """Queue an ended run again: its job's next attempt, or a new job if that is not possible.

    A job that has succeeded never goes back, and none changes its group, its folder or its device.
    """
    if job.state in LIVE:
        raise OperationFailed(
            f"run {job.run_id} is {job.state} already, as {job.job_id}", fix="Nothing was changed"
        )
    asked = run.submission
    group = _group_of(tx, asked.group if asked.group is not None else job.group_id, now)
    kept = (job.group_id, job.run_dir, job.needs, job.dry_run_seconds)
    wanted = (group and group.group_id, run.run_dir, run.needs, asked.dry_run_seconds)
    if job.state is not State.SUCCEEDED and kept == wanted:
        from runforge.queue import taken_request

        taken_request.take(workspace, tx, job, now)
        transitions.retry(tx, job, now)
        if asked.priority:
            tx.run("jobs.set_priority", job_id=job.job_id, priority=asked.priority, now=now)
        return
    again = asked._replace(group=wanted[0], priority=asked.priority or job.priority, overrides=job.overrides)
    _replace(tx, job, run._replace(submission=again), now)


def _replace(tx: Transaction, job: Job, run: NewRun, now: str) -> None:
    """Queue a new job for a run; it takes the old one's place behind what that waited for, and before what waits."""
    lost = edges.in_vain(tx, job)
    if lost is not None:
        raise edges.refusal(job, lost)
    parents = edges.unmet(tx, job.job_id)
    tx.run("jobs.mark_pruned", job_id=job.job_id, now=now)
    tx.run("jobs.delete", job_id=job.job_id)
    insert_single(tx, run, now)
    new = records.job(tx.row("jobs.by_run_id", run_id=run.run_id))
    edges.hand_over(tx, job.job_id, new.job_id, now)
    transitions.depend(tx, new.job_id, parents, now)
    transitions.revive(tx, [new.job_id], now)


def _group_of(tx: Transaction, name: str | None, now: str) -> Group | None:
    """Return the named group; make it if its id is unknown, because clients rely on that."""
    if name is None:
        return None
    try:
        return targets.group(tx, name)
    except targets.UnknownName:
        group_id = ids.checked(name, what="group id")
    return insert_group(tx, NewGroup(group_id, name=group_id), now)
