"""Chooses what a command changes, asks where many runs or files are at stake, and prints what was changed."""

from __future__ import annotations

import json
import sys

from runforge.cli import output
from runforge.cli.options import find
from runforge.core import job_numbers
from runforge.core.records import ASKED_AND_HELD
from runforge.core.states import State
from runforge.errors import CanceledByUser, InvalidRequest
from runforge.views import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from runforge.core.records import Group, Job
    from runforge.queue.changed import Changed
    from runforge.store.targets import Selection
    from runforge.workspace import Workspace

#: A filter that chooses more runs than this is confirmed by a person, or by --yes.
_MOST_UNASKED = 20
#: A terminal shows this many changed runs; a pipe gets all.
_MOST_LINES = 20


def choose(
    workspace: Path | None, targets: Sequence[str], where: str | None, *, yes: bool, wish: str
) -> tuple[Workspace, Selection]:
    """Return what the targets and the filter mean; ask if a filter chooses many runs."""
    here = find(workspace)
    selection = resolve.select(here, targets, where)
    if where is not None and len(selection.jobs) > _MOST_UNASKED and not yes:
        ask(f"{wish} {len(selection.jobs):,} runs", because=f"--where chooses {len(selection.jobs):,} runs")
    return here, selection


def ask(question: str, *, because: str) -> None:
    """Return if a person says yes; CanceledByUser if not, InvalidRequest if nobody can answer."""
    require_answer(because)
    import typer

    if not typer.confirm(f"{question}?", err=True):
        raise CanceledByUser("nothing was changed")


def require_answer(because: str) -> None:
    """Raise InvalidRequest where nobody can answer a question."""
    if not sys.stdin.isatty():
        raise InvalidRequest(f"{because}, which is asked first", fix="Give --yes if nobody can answer")


def wanted(selection: Selection, is_meant: Callable[[Job], bool]) -> list[str]:
    """Return the ids of the chosen jobs; of a group only those that the command is about, if there are some."""
    found = [job for job in selection.jobs if job.job_id in selection.named or is_meant(job)]
    return [job.job_id for job in found or selection.jobs]


def report(
    changed: Changed,
    *,
    as_json: bool,
    groups: Sequence[Group] = (),
    groups_skipped: Sequence[tuple[Group, str]] = (),
    groups_are: str | None = None,
    before: Iterable[Job] = (),
) -> int:
    """Print the changed runs and groups and how many; return 0 if there is one, else 1.

    Groups were paused or resumed, or what `groups_are` says. With `before`, runs as they were, each line says what
    is different now.
    """
    if as_json:
        print_json(changed, groups, groups_skipped)
    else:
        for group in groups:
            print(f"{group.group_id}  {groups_are or ('paused' if group.is_paused else 'resumed')}")
        _print(changed, groups, groups_skipped, {job.job_id: job for job in before})
    return 0 if changed.changed or groups else 1


def print_json(
    changed: Changed, groups: Sequence[Group] = (), groups_skipped: Sequence[tuple[Group, str]] = ()
) -> None:
    """Print the document `runforge.changed/1`."""
    skipped = [{**_job(job), "reason": reason} for job, reason in changed.skipped]
    skipped_groups = [{**_group(group), "reason": reason} for group, reason in groups_skipped]
    output.print_json(
        "changed",
        {
            "changed": [_job(job) for job in changed.changed],
            "skipped": skipped,
            "groups": [_group(group) for group in groups],
            "groups_skipped": skipped_groups,
        },
    )


def _job(job: Job) -> dict[str, object]:
    return {
        "number": job.seq,
        "run_id": job.run_id,
        "job_id": job.job_id,
        "group_id": job.group_id,
        "state": job.shown_state.value,
        "attempt": job.attempt,
        "priority": job.priority,
        "held": job.held,
        "cancel_requested": job.cancel_requested,
        "frozen_at": job.frozen_at,
        "yield_requested": job.yield_requested > 0,
    }


def _group(group: Group) -> dict[str, object]:
    return {"group_id": group.group_id, "name": group.name, "paused": group.is_paused}


def _print(
    changed: Changed,
    groups: Sequence[Group],
    groups_skipped: Sequence[tuple[Group, str]],
    before: Mapping[str, Job],
) -> None:
    most = _MOST_LINES if output.is_terminal() else len(changed.changed)
    width = max((len(str(job.seq)) for job in changed.changed[:most]), default=0)
    for job in changed.changed[:most]:
        told = _difference(before[job.job_id], job) if job.job_id in before else _now(job)
        print(f"{job.seq:>{width}}  {output.safe(job.run_id)}  {told}")
    if len(changed.changed) > most:
        print(f"... and {len(changed.changed) - most:,} more")
    total = len(changed.changed) + len(groups)
    left = len(changed.skipped) + len(groups_skipped)
    print(f"{total} changed, {left} skipped{_reasons(changed, groups_skipped)}")


def _now(job: Job) -> str:
    """Return what a run is after the change."""
    if job.state is State.RUNNING and job.cancel_requested:
        return "being stopped"
    if job.yield_requested:
        return "asked to yield" + (", held then" if job.yield_requested == ASKED_AND_HELD else "")
    if job.frozen_at is not None:
        return "frozen"
    parts = [job.shown_state.value]
    if job.attempt > 1 and job.state is State.QUEUED:
        parts.append(f"attempt {job.attempt}")
    if job.held:
        parts.append("held")
    if job.priority:
        parts.append(f"priority {job.priority}")
    return ", ".join(parts)


def _difference(was: Job, job: Job) -> str:
    """Return what an edit has changed in a run, as far as the journal knows it."""
    from runforge.views.labels import parameter_names, parameters_text  # only an edit needs it

    old, new = (json.loads(each.overrides) for each in (was, job))
    names = parameter_names({**old, **new})
    parts = [parameters_text({path: value for path, value in new.items() if old.get(path) != value})]
    parts += [f"without {name}" for path, name in names.items() if path not in new]
    parts += [
        f"{name} {getattr(job, name)}"
        for name in ("name", "priority")
        if getattr(job, name) != getattr(was, name)
    ]
    parts += [f"new {name}" for name in ("tags", "notes") if getattr(job, name) != getattr(was, name)]
    if job.held != was.held:
        parts.append("held" if job.held else "not held")
    if job.not_before != was.not_before:
        parts.append(f"not before {output.moment(job.not_before)}" if job.not_before else "no start time")
    if not any(parts) and job.request_sha != was.request_sha:
        parts.append("request changed")
    return output.safe(", ".join(part for part in parts if part) or "changed")


def _reasons(changed: Changed, groups_skipped: Sequence[tuple[Group, str]]) -> str:
    by_reason: dict[str, list[int]] = {}
    for job, reason in changed.skipped:
        by_reason.setdefault(reason, []).append(job.seq)
    parts = [f"{output.safe(reason)}: {job_numbers.text(numbers)}" for reason, numbers in by_reason.items()]
    parts += [f"{reason}: {group.group_id}" for group, reason in groups_skipped]
    return f" ({'; '.join(parts)})" if parts else ""
