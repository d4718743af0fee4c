"""Finds what a plain TARGET means: a job's number, a whole id, `@last~1`. Light: `show` and `why` are called all day.

What has to be searched for, what means several, and what is wrong with a name is left to `store.targets`.
"""

from __future__ import annotations

from runforge.core import job_numbers
from runforge.errors import InvalidRequest
from runforge.store import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Group, Job
    from runforge.store.transaction import Transaction

NEWEST = "@last"


def run(tx: Transaction, name: str) -> Job | None:
    """Return the job of the one run that a number, a run id, a job id or `@last` means; None if that is nothing."""
    back = back_of(name)
    if back is None:
        return _job(tx, name) or job_of_number(tx, name)
    row = tx.row("jobs.newest_run", back=back)
    return None if row is None else job_of_run(tx, row[0])


def is_of_one_run(name: str) -> bool:
    """Return whether a name can mean only one run: a number, or `@last`."""
    return job_numbers.one(name) is not None or back_of(name) is not None


def whole(tx: Transaction, name: str) -> Group | Job | None:
    """Return what has exactly this id."""
    return group_of_id(tx, name) if is_group(tx, name) else _job(tx, name)


def back_of(name: str) -> int | None:
    """Return how far `@last~N` goes back; None for other names."""
    if name == NEWEST:
        return 0
    if not name.startswith(NEWEST):
        return None
    count = name.removeprefix(f"{NEWEST}~")
    if not (count.isascii() and count.isdigit() and len(count) < len("1000000")):
        raise InvalidRequest(f"{name[:40]!r} is no target", fix="Write @last or @last~1")
    return int(count)


def job_of_number(tx: Transaction, name: str) -> Job | None:
    """Return the job with this number; None if it is no number, or no job has it."""
    number = job_numbers.one(name)
    row = None if number is None else tx.row("jobs.block", first=number, after=number + 1)
    return None if row is None else records.job(row)


def job_of_run(tx: Transaction, known: str) -> Job:
    """Return the job of a run that is there."""
    return records.job(tx.row("jobs.by_run_id", run_id=known))


def is_group(tx: Transaction, name: str) -> bool:
    """Return whether a group has this id."""
    return tx.row("groups.by_id", group_id=name) is not None


def group_of_id(tx: Transaction, known: str) -> Group:
    """Return a group that is there."""
    return records.group(tx.row("groups.by_id", group_id=known))


def _job(tx: Transaction, name: str) -> Job | None:
    row = tx.row("jobs.by_run_id", run_id=name) or tx.row("jobs.by_job_id", job_id=name)
    return None if row is None else records.job(row)
