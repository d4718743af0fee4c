"""Finds what a person means by a TARGET.

A TARGET is a job's number (`12`) or several (`3-9,12`), the id of a run, a job or a group, the beginning of one, a
group's name, or `@last`: what was queued last; `@last~1` is what was queued before that. A whole id wins over a
number, and a number over a beginning.
"""

from __future__ import annotations

from runforge import clock, light_json
from runforge.core import job_numbers
from runforge.core.records import Group, Job
from runforge.errors import InvalidRequest, OperationFailed
from runforge.named import NamedTuple
from runforge.store import records
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runforge.store.transaction import Transaction

NEWEST = "@last"
_LISTED = "`runforge groups` and `runforge jobs` list them"
_FIRST = 1 << 62


class UnknownName(OperationFailed):
    """Nothing has this name, nor an id that begins with it."""


class Selection(NamedTuple):
    """The jobs that several targets mean, each once and in the order of the targets."""

    #: Those of the groups are among them.
    jobs: list[Job]
    groups: list[Group]
    #: The ids of the jobs that were meant themselves, not by their group.
    named: frozenset[str]


def select(
    tx: Transaction, texts: Sequence[str], where: str | None = None, *, runs_only: bool = False
) -> Selection:
    """Return all that the targets mean, less what a filter (core/filters.py) leaves out; never nothing.

    With a filter no group is meant as such. Without targets the filter chooses among all jobs. With `runs_only`,
    `@last` is the newest run, never a group. Raises OperationFailed for an unknown or ambiguous target,
    InvalidRequest for a malformed one.
    """
    if not texts and where is None:
        raise InvalidRequest("no target is given", fix="Name runs or groups, for example 12, 3-9 or @last")
    jobs: dict[str, Job] = {}
    groups: dict[str, Group] = {}
    named = set()
    for text in texts:
        found = [job(tx, text)] if runs_only and _back(text) is not None else _meant(tx, text)
        if isinstance(found, Group):
            groups[found.group_id] = found
            found = _jobs(tx.rows("jobs.of_group", group_id=found.group_id))
        else:
            named |= {each.job_id for each in found}
        jobs.update((each.job_id, each) for each in found)
    if where is None:
        return Selection(list(jobs.values()), list(groups.values()), frozenset(named))
    matching = _matching(tx, where, jobs.values() if texts else None)
    return Selection(matching, [], frozenset(job.job_id for job in matching))


def runs_meant(tx: Transaction, texts: Sequence[str]) -> list[str]:
    """Return the names of the runs that are to be shown, by default the newest. Raises what `select` and `job` raise."""
    if not texts:
        return [NEWEST]
    if len(texts) == 1 and (job_numbers.one(texts[0]) is not None or _back(texts[0]) is not None):
        return list(texts)  # the way of nearly all calls: it is one run
    return [job.run_id for job in select(tx, texts, runs_only=True).jobs]


def _meant(tx: Transaction, text: str) -> Group | list[Job]:
    found = _whole(tx, text)
    if found is None and job_numbers.one(text) is None and not job_numbers.is_malformed(text):
        ranges = job_numbers.ranges(text)
        if ranges is not None:
            return [job for first, last in ranges for job in _numbered(tx, first, last)]
    found = found or either(tx, text)
    return found if isinstance(found, Group) else [found]


def _matching(tx: Transaction, where: str, among: Iterable[Job] | None) -> list[Job]:
    """Return those of the jobs, or of all, that match a filter."""
    from runforge.core import filters  # few commands need it

    row = tx.row("jobs.order_matching", sort="", now=clock.now(), **filters.required(where).values())
    numbers = [int(number) for number in (row[0] or "").split(",") if number]
    if among is None:
        found = _jobs(tx.rows("jobs.window", seqs=light_json.dumps(numbers)))
        found.sort(key=lambda job: job.seq)
    else:
        wanted = set(numbers)
        found = [job for job in among if job.seq in wanted]
    if not found:
        raise OperationFailed(f"no run matches --where {where[:80]!r}", fix="`runforge jobs` lists them")
    return found


def live(tx: Transaction) -> list[Group | Job]:
    """Return the groups, and the jobs without one, that have not ended."""
    groups = records.groups(tx)
    singles = _jobs(tx.rows("jobs.live_singles"))
    return [*(group for group in groups if group.queued or group.running), *singles]


def group_id(tx: Transaction, name: str) -> str:
    """Return the one group that the name means, else raise OperationFailed with the nearest."""
    back = _back(name)
    if back is not None:
        row = tx.row("groups.newest", back=back)
        if row is None:
            raise _too_far("group", name, "Make one with `enqueue-sweep`")
        return str(row[0])
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
    """Return the job of the one run that the name means: a number, a run id, a job id, or a beginning."""
    back = _back(name)
    if back is not None:
        row = tx.row("jobs.newest_run", back=back)
        if row is None:
            raise _too_far("run", name, "Enqueue one with `enqueue-run`")
        return _job_of_run(tx, row[0])
    exact = _job(tx, name) or _of_number(tx, name)
    if exact is not None:
        return exact
    found = _runs_starting_with(tx, name)
    if len(found) == 1:
        return _job_of_run(tx, found[0])
    if found:
        raise _ambiguous("run", name, found)
    _refuse_numbers(tx, name)
    raise _unknown(f"no run {name[:140]!r} in the queue", name, _runs(tx), "`runforge jobs` lists them")


def either(tx: Transaction, name: str) -> Group | Job:
    """Return the one group or run that the name means.

    A complete id is tried first, then a number, then a group's complete name, then a beginning. A name that could
    mean several runs or groups is refused with a list of them.
    """
    back = _back(name)
    if back is not None:
        return _queued_last(tx, name, back)
    exact = _whole(tx, name) or _of_number(tx, name)
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
    _refuse_numbers(tx, name)
    what = f"no group or run {name[:140]!r} in this workspace"
    raise _unknown(what, name, [*_groups(tx), *_runs(tx)], _LISTED)


def _whole(tx: Transaction, name: str) -> Group | Job | None:
    """Return what has exactly this id."""
    return _group(tx, name) if _is_group(tx, name) else _job(tx, name)


def _back(name: str) -> int | None:
    """Return how far `@last~N` goes back; None for other names."""
    if name == NEWEST:
        return 0
    if not name.startswith(NEWEST):
        return None
    count = name.removeprefix(f"{NEWEST}~")
    if not (count.isascii() and count.isdigit() and len(count) < len("1000000")):
        raise InvalidRequest(f"{name[:40]!r} is no target", fix="Write @last or @last~1")
    return int(count)


def _queued_last(tx: Transaction, name: str, back: int) -> Group | Job:
    """Return what was queued last, or so many before: a group that was made with its runs, or a single run."""
    before = _FIRST
    for _ in range(back + 1):
        row = tx.row("jobs.newest_before", before=before)
        if row is None:
            raise _too_far("group and no run", name, "Make a group with `enqueue-sweep`")
        job = records.job(row)
        made = None if job.group_id is None else _group(tx, job.group_id)
        is_made_with_it = made is not None and made.created_at == job.created_at
        before = job.seq
        if is_made_with_it:
            before = tx.row("jobs.first_of_batch", group_id=job.group_id, created_at=job.created_at)[0]
    return made if made is not None and is_made_with_it else job


def _of_number(tx: Transaction, name: str) -> Job | None:
    """Return the job with this number; None if it is no number, or no job has it."""
    number = job_numbers.one(name)
    if number is None:
        return None
    found = _jobs(tx.rows("jobs.block", first=number, after=number + 1))
    return found[0] if found else None


def _numbered(tx: Transaction, first: int, last: int) -> list[Job]:
    """Return the jobs with these numbers that exist, at least one."""
    found = _jobs(tx.rows("jobs.block", first=first, after=last + 1))
    if not found:
        raise _no_number(tx, f"{first}-{last}" if last > first else f"{first}")
    return found


def _refuse_numbers(tx: Transaction, name: str) -> None:
    """Raise the right error for what looks like numbers."""
    if job_numbers.is_malformed(name):
        raise InvalidRequest(f"{name[:40]!r} is no target", fix="Numbers are written 12 or 3-9,12")
    if job_numbers.one(name) is not None:
        raise _no_number(tx, name)
    if job_numbers.ranges(name) is not None:
        raise InvalidRequest(f"one run is wanted here, not {name[:40]!r}", fix="Give one number")


def _no_number(tx: Transaction, text: str) -> OperationFailed:
    ends = tx.row("jobs.ends")
    known = (
        "There is no run yet"
        if ends["last"] is None
        else f"The numbers go from {ends['first']} to {ends['last']}"
    )
    return UnknownName(f"no run has the number {text}", fix=known)


def _too_far(what: str, name: str, fix: str) -> OperationFailed:
    if name == NEWEST:
        return OperationFailed(f"there is no {what} yet", fix=fix)
    return OperationFailed(f"there is no {name[:40]}: fewer have been queued", fix=_LISTED)


def _is_group(tx: Transaction, name: str) -> bool:
    return tx.row("groups.by_id", group_id=name) is not None


def _group(tx: Transaction, known: str) -> Group:
    return records.group(tx.row("groups.by_id", group_id=known))


def _jobs(rows: Iterable[object]) -> list[Job]:
    return [records.job(row) for row in rows]


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
    return [str(row[0]) for row in (*tx.rows("groups.some_ids"), *tx.rows("groups.some_names"))]


def _runs(tx: Transaction) -> list[str]:
    return [str(row[0]) for row in tx.rows("jobs.some_run_ids")]


def _ambiguous(what: str, name: str, found: list[str]) -> OperationFailed:
    return OperationFailed(f"{what} {name!r} is ambiguous", fix=f"It could be {', '.join(found[:5])}")


def _unknown(what: str, name: str, known: list[str], otherwise: str) -> UnknownName:
    return UnknownName(what, fix=did_you_mean(name, known) or otherwise)
