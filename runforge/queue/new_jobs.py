"""Writes new jobs and groups into the journal, inside the caller's transaction. Nothing else makes them."""

from __future__ import annotations

from runforge import __version__, blocks, ids, light_json
from runforge.core import recipe, retrying
from runforge.documents.request_options import Objective, is_learned
from runforge.later import module
from runforge.named import NamedTuple
from runforge.store import records, transitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from runforge.core.records import Group
    from runforge.core.resources import Resources
    from runforge.core.submission import Submission
    from runforge.documents.plan import Plan
    from runforge.documents.request import Request
    from runforge.queue.run_folders import RunFolders
    from runforge.store import learned
    from runforge.store.journal import Journal, Transaction
    from runforge.sweeps.run_overrides import RunOverrides
else:
    learned = module("runforge.store.learned")

#: The lane of all runs without a group.
_SINGLE_LANE = 1
#: The folders of so many runs are made in the transaction that queues them.
_FEW = 8


class NewRun(NamedTuple):
    """A run with its folder, and how its job is queued."""

    run_id: str
    run_dir: str
    needs: Resources
    submission: Submission

    def as_trial(self, number: int | None) -> NewRun:
        """Return it as a trial of its sweep; None for a run that is none."""
        return self if number is None else self._replace(submission=self.submission._replace(trial_no=number))


class Lane(NamedTuple):
    """Where a new job is queued."""

    lane_id: int
    group_id: str | None = None


class NewGroup(NamedTuple):
    """A group that is to be made."""

    group_id: str
    name: str
    notes: str | None = None
    max_parallel: int = 1
    fail_fast: bool = False
    objective: Objective | None = None
    #: So many equal failures in a row pause it; None is as usual, 0 never.
    breaker: int | None = None

    @classmethod
    def of_plan(cls, group_id: str, plan: Plan) -> NewGroup:
        """Return the group of a plan's runs."""
        options = (plan.max_parallel, plan.fail_fast, plan.objective, plan.breaker)
        return cls(group_id, plan.name, plan.notes, *options)


def new_runs(
    folders: RunFolders,
    run_ids: Sequence[str],
    runs: Sequence[RunOverrides],
    submission: Submission,
    group_id: str | None,
) -> list[NewRun]:
    """Make the folders of new runs, durable when this returns; return how their jobs are queued."""
    of_group = {} if group_id is None else {"sweep_group_id": group_id}
    digests = folders.make_runs(run_ids, [{**run.request.raw, **of_group} for run in runs])
    return [
        NewRun(
            run_id,
            folders.path_of(run_id),
            run.request.needs,
            queued_as(run.request, sha, submission, light_json.dumps(run.overrides)),
        )
        for run_id, run, sha in zip(run_ids, runs, digests, strict=True)
    ]


def queued_as(request: Request, sha: str, submission: Submission, overrides: str | None = None) -> Submission:
    """Return how the job of a request is queued: what lists, filters and retries need of it is the journal's too."""
    varied = submission.overrides if overrides is None else overrides
    return submission._replace(
        overrides=varied,
        recipe=recipe.recipe(request.raw, light_json.loads(varied)),
        config_hash=recipe.config_hash(request.raw),
        request_sha=sha,
        env_id=request.env_id,
        name=request.name,
        tags=light_json.dumps(request.tags),
        notes=request.notes,
        retry_rules=retrying.to_json(request.retry),
        learns=is_learned(request.raw.get("resources")),
        stall_seconds=request.stall_seconds,
        stall_kill=int(request.stall_kill),
        is_resumable=request.resuming.is_resumable,
        on_lost=request.resuming.on_lost,
    )


class Reserved(NamedTuple):
    """The number of the first new job, the ids of the new runs, and the transaction that queues them, as a block."""

    first_job: int
    run_ids: list[str]
    write: Callable[[], AbstractContextManager[Transaction]]


@blocks.contextmanager
def reserved(
    journal: Journal,
    folders: RunFolders,
    count: int,
    named: Callable[[int], list[str]],
    *,
    epoch: int | None = None,
) -> Iterator[Reserved]:
    """Reserve numbers for new jobs and runs. In the block their folders are made, and then its `write` queues them.

    `named` returns the runs' ids for the number of the first one.
    All that is one transaction for few runs: a sync of their folders takes no longer than a second commit. While those
    of many are made, others write. A kill before the commit gives the numbers back.
    """
    with journal.write(epoch) as tx:
        first_job, run_ids = _reserve(tx, folders, count, named)
        if count <= _FEW:
            yield Reserved(first_job, run_ids, lambda: _within(tx))
    if count > _FEW:
        yield Reserved(first_job, run_ids, lambda: journal.write(epoch))


def _reserve(
    tx: Transaction, folders: RunFolders, count: int, named: Callable[[int], list[str]]
) -> tuple[int, list[str]]:
    """Hand out numbers, none of which has a folder: a killed command may have left some, or an older journal is back."""
    while True:
        first_job, first_run = tx.row("journal.reserve_numbers", jobs=count, runs=count)
        run_ids = named(first_run)
        if folders.taken(run_ids) is None:
            return first_job, run_ids


@blocks.contextmanager
def _within(tx: Transaction) -> Iterator[Transaction]:
    """Go on in a transaction that is open."""
    yield tx


def lane_of(group: Group | None) -> Lane:
    """Return where the jobs of a group are queued, or those without one."""
    return Lane(_SINGLE_LANE) if group is None else Lane(group.lane_id, group.group_id)


def insert_group(tx: Transaction, group: NewGroup, now: str) -> Group:
    """Write a new group, and return its record."""
    from runforge.core.ranking import NO_OBJECTIVE

    metric, direction = group.objective or (None, NO_OBJECTIVE)
    tx.run(
        "groups.insert",
        group_id=group.group_id,
        lane_id=tx.row("groups.new_lane")[0],
        name=group.name,
        notes=group.notes,
        now=now,
        created_by=f"runforge@{__version__}",
        max_parallel=group.max_parallel,
        fail_fast=int(group.fail_fast),
        objective_metric=metric,
        direction=direction,
    )
    if group.breaker is not None:
        tx.run("groups.set_breaker", group_id=group.group_id, breaker=group.breaker, now=now)
    return records.group(tx.row("groups.by_id", group_id=group.group_id))


def insert_job(tx: Transaction, run: NewRun, lane: Lane, number: int, now: str) -> str:
    """Write the job of a run, and return its id."""
    job_id = ids.job_id(now, number)
    submission, needs = run.submission, run.needs
    if submission.learns:
        needs = learned.needs(tx, needs, submission.recipe, submission.overrides)
    transitions.enqueue(
        tx,
        needs,
        job_id=job_id,
        run_id=run.run_id,
        group_id=lane.group_id,
        lane_id=lane.lane_id,
        run_dir=run.run_dir,
        now=now,
        **submission.columns(),
    )
    return job_id
