"""Names that a person can type: any unique beginning of an id, a group's name, or `@last`."""

from __future__ import annotations

from runforge.core.records import Group, Job
from runforge.errors import OperationFailed
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.text import did_you_mean

NEWEST = "@last"


def _after(prefix: str) -> str:
    """Return the first text after every text that begins with the prefix."""
    return prefix + "\U0010ffff"


def _ambiguous(what: str, name: str, found: list[str]) -> OperationFailed:
    return OperationFailed(f"{what} {name!r} is ambiguous", fix=f"It could be {', '.join(found[:5])}")


def group_id(tx: Transaction, name: str) -> str:
    """Return the one group that the name means, else raise OperationFailed with the nearest."""
    if name == NEWEST:
        newest = tx.row("groups.newest")
        if newest is None:
            raise OperationFailed("there is no group yet", fix="Make one with `enqueue-sweep`")
        return str(newest[0])
    if tx.row("groups.by_id", group_id=name) is not None:
        return name
    found = [str(row[0]) for row in tx.rows("groups.ids_starting_with", prefix=name, after=_after(name))]
    if not found or not name:
        found = [str(row[0]) for row in tx.rows("groups.named", name=name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous("group", name, found)
    known = [str(row[0]) for row in tx.rows("groups.some_ids")]
    hint = did_you_mean(name, known) or "`runforge groups` lists them"
    raise OperationFailed(f"no group {name[:140]!r} in this workspace", fix=hint)


def group(tx: Transaction, name: str) -> Group:
    """Return the one group that the name means."""
    return records.group(tx.row("groups.by_id", group_id=group_id(tx, name)))


def job(tx: Transaction, name: str) -> Job:
    """Return the job of the one run that the name means: a run id, a job id, or a beginning."""
    if name == NEWEST:
        newest = tx.row("jobs.newest_run")
        if newest is None:
            raise OperationFailed("there is no run yet", fix="Enqueue one with `enqueue-run`")
        name = str(newest[0])
    row = tx.row("jobs.by_run_id", run_id=name) or tx.row("jobs.by_job_id", job_id=name)
    if row is not None:
        return records.job(row)
    found = [str(r[0]) for r in tx.rows("jobs.ids_starting_with", prefix=name, after=_after(name))]
    if len(found) == 1 and name:
        return records.job(tx.row("jobs.by_run_id", run_id=found[0]))
    if found:
        raise _ambiguous("run", name, found)
    known = [str(r[0]) for r in tx.rows("jobs.some_run_ids")]
    hint = did_you_mean(name, known) or "`runforge jobs` lists them"
    raise OperationFailed(f"no run {name[:140]!r} in the queue", fix=hint)
