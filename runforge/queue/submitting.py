"""What `submit` does: environment and folders durable, then one transaction with group, jobs and edges.

A refused order changes no journal and leaves no files. A crash before the transaction leaves at most folders
that no job knows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from runforge import __version__, clock, failpoints, ids
from runforge.core.dependencies import Parent
from runforge.core.records import Group
from runforge.core.submission import USUAL, Submission
from runforge.documents import doubts, strict_json
from runforge.documents.known_fields import HYPERPARAMETERS, is_known
from runforge.documents.placeholders import require_filled
from runforge.documents.plan import MAX_RUNS, Plan, parse_plan
from runforge.documents.request import parse_request
from runforge.documents.request_options import Objective
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidPlan, InvalidRequest, OperationFailed
from runforge.queue import environment
from runforge.queue.change import announce
from runforge.queue.environment import Captured
from runforge.queue.new_jobs import NewGroup, NewRun, insert_group, insert_job, lane_of, queued_as, reserve
from runforge.queue.run_folders import RunFolders, all_or_nothing
from runforge.queue.submit import check_datasets
from runforge.store import records, targets, transitions
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import exists, open_journal, open_snapshot
from runforge.sweeps.expand import RunOverrides, doubts_about, expand
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.sweeps.combine import Sweep


class After(NamedTuple):
    """A run or a group, as it was named, and how it must end before the start."""

    target: str
    condition: str = "ok"


class Order(NamedTuple):
    """All that one `submit` asks for."""

    #: The request of the run, or that which all runs of the sweep vary.
    request: dict[str, Any]
    #: A part of the ids.
    name: str
    #: Its group is that to join; its other options are those of each job.
    submission: Submission = USUAL
    sweep: Sweep | None = None
    after: tuple[After, ...] = ()
    #: The environment of its runs; None is the daemon's.
    environment: Captured | None = None
    run_limit: int | None = None
    objective: Objective | None = None
    max_runs: int = MAX_RUNS
    where: str = "submit"


class Prepared(NamedTuple):
    """An order's runs, checked. Nothing is changed yet."""

    runs: list[RunOverrides]
    #: That of a sweep.
    plan: Plan | None
    #: Sentences about what was accepted and may be a mistake.
    doubts: tuple[str, ...]


class Submitted(NamedTuple):
    """What was queued."""

    group_id: str | None
    is_new_group: bool
    #: The number of the first run; the others follow.
    first_number: int
    run_ids: tuple[str, ...]
    job_ids: tuple[str, ...]


class _GroupAppeared(Exception):
    pass


class _Group(NamedTuple):
    """The group of an order: one that is there, or the id of a new one."""

    group_id: str
    is_new: bool


# --- what it asks for ------------------------------------------------------------------------------


def prepare(order: Order) -> Prepared:
    """Return the checked runs of an order. Pure: raises InvalidRequest, and changes nothing."""
    texts = {
        "name": order.request.get("name"),
        "notes": order.request.get("notes"),
        "tag": order.request.get("tags"),
    }
    secret = next(secrets_in({"name": order.name, **texts}), None)
    if secret is not None:
        raise InvalidRequest(
            f"{secret} looks like a secret, and the journal keeps it", where=order.where, fix="Leave it out"
        )
    if order.sweep is None:
        request = parse_request(order.request, where=order.where)
        require_filled(request, where=order.where)
        return Prepared([RunOverrides({}, request)], None, tuple(doubts.in_request(request)))
    try:
        plan = parse_plan(strict_json.dump(_plan(order, order.sweep)), where=order.where)
        runs = expand(plan, limit=order.max_runs)
    except InvalidPlan as error:  # nobody has typed a plan
        raise InvalidRequest(error.message, where=error.where, fix=error.fix) from None
    return Prepared(runs, plan, tuple(doubts_about(plan, runs)))


def _plan(order: Order, sweep: Sweep) -> dict[str, Any]:
    """Return the plan that says what the command line says."""
    is_command = order.request["model"].get("family") == "command"
    strategy: dict[str, Any]
    if sweep.is_grid:
        axes = [
            {"path": path_of(key, is_command=is_command), "values": values} for key, values in sweep.axes()
        ]
        strategy = {"type": "grid", "parameters": axes}
    else:
        runs = [
            {path_of(key, is_command=is_command): value for key, value in run.items()} for run in sweep.runs()
        ]
        strategy = {"type": "list", "runs": runs}
    document = {
        "version": 1,
        "kind": "sweep_plan",
        "created_at": clock.now(),
        "created_by": f"runforge@{__version__}",
        "group": {"name": order.submission.group or order.name, "notes": order.request.get("notes")},
        "base_request": order.request,
        "strategy": strategy,
        "execution": {"max_parallel": order.run_limit or 1, "fail_fast": False, "stop_on_cancel": True},
    }
    if order.objective is not None:
        document["objective"] = order.objective._asdict()
    return document


def path_of(key: str, *, is_command: bool) -> str:
    """Return the path in a request that a typed name means: a hyperparameter, or another field of a family's."""
    if not is_command and is_known(key):
        return key
    return f"{HYPERPARAMETERS}.{key}"


# --- the queue -------------------------------------------------------------------------------------


def check_names(workspace: Workspace, order: Order) -> None:
    """Refuse a group or a parent that nothing means, without a change; for a dry run."""
    if not exists(workspace):
        if order.after:
            raise OperationFailed(
                f"there is no run yet, so nothing to start after: {order.after[0].target[:60]}"
            )
        return
    with open_snapshot(workspace) as journal, journal.read() as tx:
        _look(tx, order)


def submit(workspace: Workspace, order: Order, prepared: Prepared) -> Submitted:
    """Queue an order's runs, all or nothing."""
    check_datasets(workspace, prepared.runs)
    made = None
    with open_journal(workspace, create=True) as journal:
        while made is None:
            with journal.read() as tx:
                known = _look(tx, order)
            folders = RunFolders(workspace)
            try:
                with all_or_nothing(journal, folders, len(prepared.runs)):
                    if order.environment is not None:
                        environment.keep(workspace, order.environment)
                    made = _make(journal, folders, order, prepared, known)
            except _GroupAppeared:
                continue  # join it
    announce(workspace)
    return made


def _look(tx: Transaction, order: Order) -> Group | None:
    """Return the group that the runs join; None for a new one or none. Refuse what is named wrongly."""
    parents_of(tx, order.after)
    return None if order.submission.group is None else _known_group(tx, order.submission.group)


def _known_group(tx: Transaction, name: str) -> Group | None:
    """Return the group that a name means; None if it is to be made.

    A beginning of an id counts only if it looks like one: `-g g` means a group that is called `g`.
    """
    if name.startswith(("@", "grp_")):
        return targets.group(tx, name)
    ids_named = [str(row[0]) for row in tx.rows("groups.named", name=name)]
    if tx.row("groups.by_id", group_id=name) is None and len(ids_named) != 1:
        if ids_named:
            fix = f"Give the id of one: {', '.join(ids_named[-4:])}"
            raise OperationFailed(f"{len(ids_named)} groups are called {name[:60]!r}", where="-g", fix=fix)
        return None
    return targets.group(tx, name)


def parents_of(tx: Transaction, wanted: Sequence[After]) -> list[Parent]:
    """Return the runs and groups that are to be waited for; OperationFailed if a name means none."""
    found: dict[Parent, None] = {}
    for after in wanted:
        selection = targets.select(tx, [after.target])
        named = [job.job_id for job in selection.jobs if job.job_id in selection.named]
        found |= dict.fromkeys(Parent("group", group.group_id, after.condition) for group in selection.groups)
        found |= dict.fromkeys(Parent("run", job_id, after.condition) for job_id in named)
    for parent in found:
        if parent.condition == "fail" and parent._replace(condition="ok") in found:
            raise InvalidRequest(
                f"{parent.id} cannot both succeed and fail",
                where="--after",
                fix="Name it once; `:any` takes both ends",
            )
    return list(found)


def _make(
    journal: Journal, folders: RunFolders, order: Order, prepared: Prepared, known: Group | None
) -> Submitted:
    now = clock.now()
    first_job, first_run = reserve(journal, len(prepared.runs))
    group = _group(folders, order, prepared.plan, known, now)
    run_ids = [ids.named_run_id(now, order.name, first_run + index) for index in range(len(prepared.runs))]
    of_group = {"sweep_group_id": group.group_id} if group is not None else {}
    digests = folders.make_runs(run_ids, [{**run.request.raw, **of_group} for run in prepared.runs])
    parent = journal.workspace.relative(journal.workspace.runs_dir)
    new = [
        NewRun(
            run_id,
            f"{parent}/{run_id}",
            run.request.needs,
            queued_as(run.request, sha, order.submission, json.dumps(run.overrides)),
        )
        for run_id, run, sha in zip(run_ids, prepared.runs, digests, strict=True)
    ]
    with journal.write() as tx:
        first_number, job_ids = _insert(tx, order, group, new, first_job, now)
        failpoints.hit("submit.inserted")
    return Submitted(
        group.group_id if group else None,
        group is not None and group.is_new,
        first_number,
        tuple(run_ids),
        tuple(job_ids),
    )


def _group(
    folders: RunFolders, order: Order, plan: Plan | None, known: Group | None, now: str
) -> _Group | None:
    """Return the group of the new runs, with its folder; None if they get none."""
    if known is not None:
        return _Group(known.group_id, is_new=False)
    name = order.submission.group
    if name is None and plan is None:
        return None
    return _Group(folders.make_group(now, name or order.name, plan.raw if plan else None), is_new=True)


def _insert(
    tx: Transaction, order: Order, group: _Group | None, new: list[NewRun], first_job: int, now: str
) -> tuple[int, list[str]]:
    """Write group, jobs and edges; return the first job's number and the ids of all."""
    parents = parents_of(tx, order.after)
    lane = lane_of(None if group is None else _row_of(tx, order, group, now))
    job_ids = []
    for index, run in enumerate(new):
        job_ids.append(insert_job(tx, run, lane, first_job + index, now))
        if parents:
            transitions.depend(tx, job_ids[-1], parents, now)
    if group is not None:
        tx.run("groups.set_canceled", group_id=group.group_id, is_canceled=0, now=now)
        tx.run("groups.settle", group_id=group.group_id, now=now)
    return records.job(tx.row("jobs.by_job_id", job_id=job_ids[0])).seq, job_ids


def _row_of(tx: Transaction, order: Order, group: _Group, now: str) -> Group:
    """Return the group's record: of a new one, or of a known one with the limit and the objective that are asked for."""
    name = order.submission.group
    if group.is_new and name is not None and _known_group(tx, name) is not None:
        raise _GroupAppeared
    if group.is_new:
        limit = order.run_limit or 1
        insert_group(
            tx,
            NewGroup(
                group.group_id,
                name or order.name,
                order.request.get("notes"),
                limit,
                objective=order.objective,
            ),
            now,
        )
    elif order.objective is not None:
        metric, direction = order.objective
        tx.run("groups.set_objective", group_id=group.group_id, metric=metric, direction=direction, now=now)
    if order.run_limit is not None:
        tx.run("groups.set_limit", group_id=group.group_id, run_limit=order.run_limit, now=now)
    return targets.group(tx, group.group_id)
