"""What `submit` does: environment and folders durable, then one transaction with group, jobs and edges.

A refused order changes no journal and leaves no files. A crash before the transaction leaves at most folders
that no job knows.
"""

from __future__ import annotations

from runforge import clock, failpoints, ids
from runforge.errors import InvalidRequest, OperationFailed
from runforge.later import module
from runforge.named import NamedTuple
from runforge.queue import environment, provenance
from runforge.queue.change import announce, call
from runforge.queue.new_jobs import (
    NewGroup,
    NewRun,
    insert_group,
    insert_job,
    lane_of,
    new_runs,
    reserved,
)
from runforge.queue.run_folders import RunFolders, all_or_nothing
from runforge.queue.sifted import Sifted
from runforge.store import code as codes
from runforge.store import transitions
from runforge.store.opening import exists, open_journal, open_snapshot
from runforge.training.check import check_datasets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.core.dependencies import Parent
    from runforge.core.records import Group
    from runforge.documents.plan import Plan
    from runforge.queue.ordering import After, Order, Prepared
    from runforge.store import targets
    from runforge.store.journal import Journal, Transaction
    from runforge.workspace import Workspace
else:
    targets = module("runforge.store.targets")


class Submitted(NamedTuple):
    """What was queued."""

    group_id: str | None
    is_new_group: bool
    #: The number of the first run; the others follow.
    first_number: int
    run_ids: tuple[str, ...]
    job_ids: tuple[str, ...]
    #: The runs that were made, as `run_ids`, and what was not made again.
    sifted: Sifted = Sifted([], [])
    #: How many trials the daemon will make.
    to_come: int = 0


class _Changed(Exception):
    """The group was made or has got such runs meanwhile."""


class _Group(NamedTuple):
    """The group of an order: one that is there, or the id of a new one."""

    group_id: str
    is_new: bool


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
    check_datasets([run.request for run in prepared.shown], workspace.root)
    made = None
    with open_journal(workspace, create=True) as journal:
        while made is None:
            with journal.read() as tx:
                known = _look(tx, order)
                sifted = _sift(tx, order, prepared, known)
            folders = RunFolders(workspace)
            try:
                with all_or_nothing(journal, folders, len(sifted.new)):
                    if order.environment is not None:
                        environment.keep(workspace, order.environment)
                    made = _make(journal, folders, order, prepared, sifted, known)
            except _Changed:
                continue  # join it
        called = call(workspace)
        if order.code is not None:
            provenance.ensure_kept(workspace, order.code)
    announce(workspace, called)
    return made


def _sift(tx: Transaction, order: Order, prepared: Prepared, known: Group | None) -> Sifted:
    """Return the runs to make: of a sweep those that its group has not."""
    if order.sweep is None or order.allow_duplicates:
        return Sifted(prepared.runs, [])
    from runforge.queue import studies  # only sweeps need it

    return studies.sift(tx, known, prepared.runs)


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
    if not wanted:
        return []
    from runforge.core.dependencies import Parent

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
    journal: Journal,
    folders: RunFolders,
    order: Order,
    prepared: Prepared,
    sifted: Sifted,
    known: Group | None,
) -> Submitted:
    now = clock.now()
    runs = sifted.new

    def named(first: int) -> list[str]:
        return [ids.named_run_id(now, order.name, first + index) for index in range(len(runs))]

    with reserved(journal, folders, len(runs), named) as numbers:
        group = _group(folders, order, prepared.plan, known, now)
        group_id = None if group is None else group.group_id
        new = new_runs(folders, numbers.run_ids, runs, order.submission, group_id)
        with numbers.write() as tx:
            if (
                known is not None
                and not order.allow_duplicates
                and len(_sift(tx, order, prepared, known).new) != len(new)
            ):
                raise _Changed
            plan, first_job = prepared.plan, numbers.first_job
            first_number, job_ids, to_come = _insert(tx, order, plan, group, new, first_job, now)
            failpoints.hit("submit.inserted")
    return Submitted(
        group_id,
        group is not None and group.is_new,
        first_number,
        tuple(numbers.run_ids),
        tuple(job_ids),
        sifted,
        to_come,
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
    tx: Transaction,
    order: Order,
    plan: Plan | None,
    group: _Group | None,
    new: list[NewRun],
    first_job: int,
    now: str,
) -> tuple[int, list[str], int]:
    """Write group, sweep, jobs and edges; return the first job's number, the ids of all, and how many come later."""
    parents = parents_of(tx, order.after)
    if order.code is not None:
        codes.note(tx, order.code)
    lane = lane_of(None if group is None else _row_of(tx, order, group, now))
    study, first_trial = None, 0
    if plan is not None and group is not None:
        from runforge.core.study import Template
        from runforge.queue import studies

        template = Template(order.request, order.name, order.submission, tuple(parents))
        study = studies.of_plan(plan, group.group_id, template)
        first_trial = studies.keep(tx, study, len(new), now)
    job_ids = []
    for index, run in enumerate(new):
        trial = first_trial + index if study is not None and study.is_searched else None
        job_ids.append(insert_job(tx, run.as_trial(trial), lane, first_job + index, now))
        if parents:
            transitions.depend(tx, job_ids[-1], parents, now)
    if group is not None:
        tx.run("groups.set_canceled", group_id=group.group_id, is_canceled=0, now=now)
        tx.run("groups.settle", group_id=group.group_id, now=now, has_succeeded=0)
    first = int(tx.row("jobs.number", job_id=job_ids[0])[0]) if job_ids else 0
    return first, job_ids, 0 if study is None else study.wanted - study.made


def _row_of(tx: Transaction, order: Order, group: _Group, now: str) -> Group:
    """Return the group's record: of a new one, or of a known one with the limit and the objective that are asked for."""
    name = order.submission.group
    if group.is_new and name is not None and _known_group(tx, name) is not None:
        raise _Changed
    if group.is_new:
        limit = order.run_limit or order.usual.run_limit or 1
        insert_group(
            tx,
            NewGroup(
                group.group_id,
                name or order.name,
                order.request.get("notes"),
                limit,
                objective=order.objective,
                breaker=order.usual.breaker if order.breaker is None else order.breaker,
            ),
            now,
        )
        return _limited(tx, order, group, now)
    if order.breaker is not None:
        tx.run("groups.set_breaker", group_id=group.group_id, breaker=order.breaker, now=now)
    if order.objective is not None:
        metric, direction = order.objective
        tx.run("groups.set_objective", group_id=group.group_id, metric=metric, direction=direction, now=now)
    return _limited(tx, order, group, now)


def _limited(tx: Transaction, order: Order, group: _Group, now: str) -> Group:
    asked = order.run_limit or (order.usual.run_limit if group.is_new else None)
    if asked is not None:
        tx.run("groups.set_limit", group_id=group.group_id, run_limit=asked, now=now)
    return targets.group(tx, group.group_id)
