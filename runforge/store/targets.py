"""Finds what a person means by a name: a unique beginning of an id, a group's name, or `@last`."""

from __future__ import annotations

from runforge.core.records import Group, Job
from runforge.errors import OperationFailed
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.text import did_you_mean

NEWEST = "@last"


class UnknownName(OperationFailed):
    """Nothing has this name, nor an id that begins with it."""


def group_id(tx: Transaction, name: str) -> str:
    """Return the one group that the name means, else raise OperationFailed with the nearest."""
    if name == NEWEST:
        newest = _newest_group(tx)
        if newest is None:
            raise OperationFailed("there is no group yet", fix="Make one with `enqueue-sweep`")
        return newest
    if _is_group(tx, name):
        return name
    found = _groups_starting_with(tx, name) or _groups_named(tx, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous("group", name, found)
    raise _unknown(
        f"no group {name[:140]!r} in this workspace", name, _groups(tx), "`runforge groups` lists them"
    )


def group(tx: Transaction, name: str) -> Group:
    """Return the one group that the name means."""
    return _group(tx, group_id(tx, name))


def job(tx: Transaction, name: str) -> Job:
    """Return the job of the one run that the name means: a run id, a job id, or a beginning."""
    if name == NEWEST:
        newest = _newest_job(tx)
        if newest is None:
            raise OperationFailed("there is no run yet", fix="Enqueue one with `enqueue-run`")
        return newest
    exact = _job(tx, name)
    if exact is not None:
        return exact
    found = _runs_starting_with(tx, name)
    if len(found) == 1:
        return _job_of_run(tx, found[0])
    if found:
        raise _ambiguous("run", name, found)
    raise _unknown(f"no run {name[:140]!r} in the queue", name, _runs(tx), "`runforge jobs` lists them")


def either(tx: Transaction, name: str) -> Group | Job:
    """Return the one group or run that the name means; `@last` is the newest group, else the newest run.

    A complete id is tried first, then a group's complete name, then a beginning. A name that could mean
    several runs or groups is refused with a list of them.
    """
    if name == NEWEST:
        return _newest_of_either(tx)
    if _is_group(tx, name):
        return _group(tx, name)
    exact = _job(tx, name)
    if exact is not None:
        return exact
    groups, runs = _groups_starting_with(tx, name), _runs_starting_with(tx, name)
    if not groups:
        groups = _groups_named(tx, name)
        runs = [] if groups else runs
    found = [*groups, *runs]
    if len(found) > 1:
        raise _ambiguous("group or run" if groups and runs else "group" if groups else "run", name, found)
    if found:
        return _group(tx, groups[0]) if groups else _job_of_run(tx, runs[0])
    what = f"no group or run {name[:140]!r} in this workspace"
    raise _unknown(what, name, [*_groups(tx), *_runs(tx)], "`runforge groups` and `runforge jobs` list them")


def _newest_of_either(tx: Transaction) -> Group | Job:
    newest = _newest_group(tx)
    if newest is not None:
        return _group(tx, newest)
    single = _newest_job(tx)
    if single is None:
        raise OperationFailed("there is no group and no run yet", fix="Make a group with `enqueue-sweep`")
    return single


def _newest_group(tx: Transaction) -> str | None:
    row = tx.row("groups.newest")
    return None if row is None else str(row[0])


def _newest_job(tx: Transaction) -> Job | None:
    row = tx.row("jobs.newest_run")
    return None if row is None else _job_of_run(tx, row[0])


def _is_group(tx: Transaction, name: str) -> bool:
    return tx.row("groups.by_id", group_id=name) is not None


def _group(tx: Transaction, known: str) -> Group:
    return records.group(tx.row("groups.by_id", group_id=known))


def _job(tx: Transaction, name: str) -> Job | None:
    row = tx.row("jobs.by_run_id", run_id=name) or tx.row("jobs.by_job_id", job_id=name)
    return None if row is None else records.job(row)


def _job_of_run(tx: Transaction, known: str) -> Job:
    return records.job(tx.row("jobs.by_run_id", run_id=known))


def _groups_starting_with(tx: Transaction, name: str) -> list[str]:
    return _starting_with(tx, "groups.ids_starting_with", name)


def _runs_starting_with(tx: Transaction, name: str) -> list[str]:
    return _starting_with(tx, "jobs.ids_starting_with", name)


def _starting_with(tx: Transaction, query: str, name: str) -> list[str]:
    """Return some ids that begin with the name; nothing begins with an empty one."""
    after = name + "\U0010ffff"  # the first text after all texts that begin with the name
    return [str(row[0]) for row in tx.rows(query, prefix=name, after=after)] if name else []


def _groups_named(tx: Transaction, name: str) -> list[str]:
    return [str(row[0]) for row in tx.rows("groups.named", name=name)]


def _groups(tx: Transaction) -> list[str]:
    return [str(row[0]) for row in tx.rows("groups.some_ids")]


def _runs(tx: Transaction) -> list[str]:
    return [str(row[0]) for row in tx.rows("jobs.some_run_ids")]


def _ambiguous(what: str, name: str, found: list[str]) -> OperationFailed:
    return OperationFailed(f"{what} {name!r} is ambiguous", fix=f"It could be {', '.join(found[:5])}")


def _unknown(what: str, name: str, known: list[str], otherwise: str) -> UnknownName:
    return UnknownName(what, fix=did_you_mean(name, known) or otherwise)
