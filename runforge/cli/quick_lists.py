"""`jobs` and `groups` without options, the quick way."""

from __future__ import annotations

from runforge import clock
from runforge.cli import output, tables
from runforge.store.look import look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.rows import JobRow

#: How many jobs are shown without an option.
SHOWN = 200


def groups(place: Place) -> bool:
    """List the groups; False if something in them is left to the full way."""
    from runforge.views.group_rows import GroupRow

    found = look(place, lambda tx: [GroupRow(*row) for row in tx.rows("look.groups")])
    if not found:
        return False
    tables.print_groups(found)
    return True


def jobs(place: Place) -> bool:
    """List the newest jobs; False if something in them is left to the full way."""
    from runforge.views.rows import job_rows

    now = clock.now()

    def read(tx: Transaction) -> tuple[list[JobRow], int] | None:
        rows = tx.rows("look.jobs_newest", limit=SHOWN)
        if any(row[-1] for row in rows):  # is_odd
            return None
        return job_rows(now, rows[::-1]), tx.row("look.jobs_count")[0]

    found, total = look(place, read) or ([], 0)
    if not found or (any(job.state == "queued" for job in found) and _is_short(place)):
        return False
    tables.print_jobs(found)
    if total > len(found):
        output.note(older_text(total - len(found)))
    return True


def first_jobs(place: Place, limit: int) -> list[JobRow]:
    """Return the jobs that the screens show first; none if something in them is left to the full way."""
    from runforge.views.rows import job_rows

    now = clock.now()

    def read(tx: Transaction) -> list[JobRow] | None:
        rows = tx.rows("look.jobs_first", limit=limit)
        return None if any(row["is_odd"] for row in rows) else job_rows(now, rows)

    return look(place, read) or []


def older_text(number: int) -> str:
    """Return what is said of the jobs that are not listed."""
    return f"{number:,} older jobs are not shown; --limit, --group or --state shows others"


def _is_short(place: Place) -> bool:
    from runforge.machine import disk_space

    return disk_space.shortage(place) is not None
