"""The edges between jobs: what waits for what, and what the end of a parent means for those that wait.

Everything happens inside the caller's transaction. An edge that is met stays met, also if its parent is retried
later; so no circle can come back. Whoever may not start any more is returned, and `transitions` moves it.
"""

from __future__ import annotations

from runforge import light_json
from runforge.core import dependencies
from runforge.core.dependencies import RUN, Condition, Parent
from runforge.core.records import Group, Job
from runforge.core.states import Cause, State
from runforge.errors import InvalidRequest, OperationFailed
from runforge.named import NamedTuple
from runforge.store import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.store.journal import Transaction


class Doomed(NamedTuple):
    """A queued job that can never start, and the error that says why."""

    job_id: str
    error: str


class InVain(NamedTuple):
    """Why a job cannot be queued again: it would wait for something that has ended otherwise."""

    error: str
    #: What is to be retried first; None if that is gone.
    parent: Job | Group | None


def job_of(tx: Transaction, job_id: str) -> Job | None:
    """Return the job with this id, if there is one."""
    row = tx.row("jobs.by_job_id", job_id=job_id)
    return None if row is None else records.job(row)


def known_job(tx: Transaction, job_id: str) -> Job:
    """Return the job with this id; OperationFailed if there is none."""
    job = job_of(tx, job_id)
    if job is None:
        raise OperationFailed(f"no job {job_id!r} in the queue", fix="`runforge jobs` lists them")
    return job


def group_of(tx: Transaction, group_id: str) -> Group | None:
    """Return the group with this id, if there is one."""
    row = tx.row("groups.by_id", group_id=group_id)
    return None if row is None else records.group(row)


def _found(tx: Transaction, kind: str, parent: str) -> Job | Group | None:
    return job_of(tx, parent) if kind == RUN else group_of(tx, parent)


# --- what ended ------------------------------------------------------------------------------------


def after_run(tx: Transaction, job_id: str, now: str) -> list[Doomed]:
    """Meet the edges to a run that has ended; return who waits for it in vain."""
    parent = job_of(tx, job_id)
    return [] if parent is None else _resolve(tx, job_id, parent, now)


def after_group(tx: Transaction, group_id: str, now: str) -> list[Doomed]:
    """Meet the edges to a group, if it has settled; return who waits for it in vain."""
    parent = group_of(tx, group_id)
    if parent is None or parent.finished_at is None:
        return []
    return _resolve(tx, group_id, parent, now)


def _resolve(tx: Transaction, parent_id: str, parent: Job | Group, now: str) -> list[Doomed]:
    met = light_json.dumps(
        [condition.value for condition in Condition if dependencies.holds(condition, parent)]
    )
    tx.run("edges.open_gates", parent=parent_id, conditions=met, now=now)
    tx.run("edges.meet", parent=parent_id, conditions=met)
    doomed = tx.rows("edges.waiting_for", parent=parent_id)
    errors = {condition.value: dependencies.reason(condition, parent) for condition in Condition}
    return [Doomed(job_id, errors[condition]) for job_id, condition in doomed]


# --- who waits -------------------------------------------------------------------------------------


def add(tx: Transaction, job: Job, parents: Sequence[Parent], now: str) -> None:
    """Let a queued job wait for these too. Raises, before anything waits, if one of them cannot be waited for."""
    if job.state is not State.QUEUED:
        raise OperationFailed(
            f"run {job.run_id} is {job.state}, so it waits for nothing",
            fix="Only queued runs wait for others",
        )
    for parent in parents:
        is_met = _is_met(tx, job, parent)
        tx.run(
            "edges.insert",
            job_id=job.job_id,
            parent=parent.id,
            kind=parent.kind,
            condition=Condition(parent.condition).value,
            met=int(is_met),
        )
    _refuse_circles(tx, job)
    tx.run("edges.recount", job_id=job.job_id, now=now)


def _is_met(tx: Transaction, job: Job, parent: Parent) -> bool:
    found = _found(tx, parent.kind, parent.id)
    if found is None:
        raise OperationFailed(f"no {parent.kind} {parent.id!r} to wait for", fix="`runforge jobs` lists them")
    if parent.id in {job.job_id, job.group_id}:
        what = "itself" if parent.kind == RUN else f"its own group {_name(found)}"
        raise InvalidRequest(f"{_name(job)} cannot wait for {what}", fix="Name another run or group")
    if isinstance(found, Group) and found.total == 0 and not found.is_open:
        raise OperationFailed(f"{_name(found)} has no run to wait for", fix="Put a run into it first")
    holds = dependencies.holds(parent.condition, found)
    if holds is False:
        raise OperationFailed(
            _too_late(parent.condition, found), fix=_way_out(found, "or wait for its end only: `:any`")
        )
    return bool(holds)


def _name(found: Job | Group) -> str:
    return dependencies.called(found) if isinstance(found, Job) else f"group {found.name}"


def _too_late(condition: str, found: Job | Group) -> str:
    if isinstance(found, Group):
        return f"{_name(found)} has ended already; {dependencies.why_not_group(condition, found)}"
    return f"{_name(found)} has {_ended_as(found)} already; what waits for it could never start"


def _ended_as(job: Job) -> str:
    return str(job.state) if job.state is not State.CANCELED else "been canceled"


def _way_out(found: Job | Group | None, otherwise: str) -> str:
    if found is None or (isinstance(found, Job) and found.state is State.SUCCEEDED):
        return "Let it wait for another run"
    name = str(found.seq) if isinstance(found, Job) else found.group_id
    return f"Retry that first (`runforge retry {name}`), {otherwise}"


def _refuse_circles(tx: Transaction, job: Job) -> None:
    """Refuse edges that lead back to the job: only if somebody waits for it or for its group can they."""
    awaited = [job.job_id] if job.group_id is None else [job.job_id, job.group_id]
    if not any(tx.row("edges.is_awaited", parent=each) for each in awaited):
        return
    seen: set[str] = set()
    ways = [(each["parent"], each["parent"]) for each in tx.rows("edges.unmet_of_job", job_id=job.job_id)]
    while ways:
        node, first = ways.pop()
        if node in awaited:
            parent = job_of(tx, first) or group_of(tx, first)
            raise InvalidRequest(
                f"{_name(job)} cannot wait for {_name(parent or job)}, which waits for it already",
                fix="Nothing was changed: runs cannot wait in a circle",
            )
        if node not in seen:
            seen.add(node)
            above = tx.rows("edges.unmet_of_job", job_id=node) or tx.rows(
                "edges.unmet_of_members", group_id=node
            )
            ways += [(each["parent"], first) for each in above]


# --- who may come back -----------------------------------------------------------------------------


def in_vain(tx: Transaction, job: Job) -> InVain | None:
    """Return what a job would wait for in vain, if it were queued now."""
    for edge in tx.rows("edges.unmet_of_job", job_id=job.job_id):
        parent = _found(tx, edge["kind"], edge["parent"])
        if parent is None:
            return InVain(f"{edge['kind']} {edge['parent']}, which it waits for, is gone", None)
        if dependencies.holds(edge["condition"], parent) is False:
            return InVain(dependencies.reason(edge["condition"], parent), _root(tx, parent))
    return None


def _root(tx: Transaction, parent: Job | Group) -> Job | Group:
    """Return what must be retried first: the parent, or what that itself was canceled for."""
    while isinstance(parent, Job) and parent.cause == Cause.DEPENDENCY:
        above = in_vain(tx, parent)
        if above is None or above.parent is None:
            break
        parent = above.parent
    return parent


def refusal(job: Job, lost: InVain) -> OperationFailed:
    """Return the error of a retry that would wait in vain."""
    why = lost.error.removeprefix(dependencies.NOT_STARTED)
    fix = _way_out(lost.parent, "which brings back what was canceled because of it")
    return OperationFailed(f"{_name(job)} cannot be queued again: {why}", fix=fix)


def revivable(tx: Transaction, parent_id: str) -> list[Job]:
    """Return the jobs that were canceled because of this parent, and could start if it ended as they want."""
    found = [job_of(tx, row["job_id"]) for row in tx.rows("edges.waited_in_vain_for", parent=parent_id)]
    return [job for job in found if job is not None and in_vain(tx, job) is None]


# --- what goes -------------------------------------------------------------------------------------


def forget_parent(tx: Transaction, parent_id: str, now: str) -> None:
    """Let nobody wait for a run or a group that is about to be deleted."""
    left = tx.rows("edges.children_left", parent=parent_id)
    tx.run("edges.forget_parent", parent=parent_id)
    for row in left:
        tx.run("edges.recount", job_id=row["job_id"], now=now)


def unmet(tx: Transaction, job_id: str) -> list[Parent]:
    """Return what a job still waits for, or waited for in vain."""
    return [parent for parent, is_met in of_job(tx, job_id) if not is_met]


def hand_over(tx: Transaction, old_id: str, new_id: str, now: str) -> None:
    """Let those that wait for a job, or waited in vain, wait for the one that takes its place."""
    for job_id, condition, is_met in children(tx, old_id):
        if not is_met:
            tx.run("edges.insert", job_id=job_id, parent=new_id, kind=RUN, condition=condition, met=0)
    forget_parent(tx, old_id, now)


def clear(tx: Transaction, job: Job, now: str) -> None:
    """Let a job wait for nothing any more."""
    tx.run("edges.forget_child", job_id=job.job_id)
    tx.run("edges.recount", job_id=job.job_id, now=now)


def of_job(tx: Transaction, job_id: str) -> list[tuple[Parent, bool]]:
    """Return what a job waits for or has waited for, and whether that has ended as asked."""
    rows = tx.rows("edges.of_job", job_id=job_id)
    return [(Parent(row["kind"], row["parent"], row["condition"]), bool(row["met"])) for row in rows]


def children(tx: Transaction, parent_id: str) -> list[tuple[str, str, bool]]:
    """Return who waits for a run or a group or has waited for it: job id, condition, whether it was met."""
    rows = tx.rows("edges.of_parent", parent=parent_id)
    return [(row["job_id"], row["condition"], bool(row["met"])) for row in rows]
