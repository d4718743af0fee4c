"""Jobs and groups as tables for people.

A job's number comes first: it is what a person types. On a terminal a short name follows; a pipe gets the whole
id, because a program reads it.
"""

from __future__ import annotations

import sys

from runforge import cells
from runforge.cli import output
from runforge.views.labels import ended_runs, group_state, label, parameters_text, pause_words, sweep_words

TYPE_CHECKING = False  # `typing` and `collections` take as long as a short command
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runforge.views.group_rows import GroupRow
    from runforge.views.rows import JobRow
    from runforge.views.shown import GroupView, JobView

#: So many jobs are laid out together: a list that never fits into the memory is printed in parts.
_TOGETHER = 10_000
#: Between a run's parameters and the reason why it failed.
_APART = "  "


def print_groups(found: Sequence[GroupView | GroupRow]) -> None:
    """Print groups with their progress."""
    rows = [
        [
            group.group_id,
            output.state_cell(group_state(group)),
            output.bar(ended_runs(group), group.total, 12),
            f"{ended_runs(group)}/{group.total}",
            group.running or "",
            group.failed or "",
        ]
        for group in found
    ]
    headers = ["GROUP", "STATUS", "PROGRESS", "ENDED", "RUNNING", "FAILED"]
    output.table(headers, rows, flexible=[0], ids=[0], state_column=1)
    for group in found:
        if group.paused and group.pause_reason is not None:
            output.note(f"{group.name}: {pause_words(group)}; `runforge resume {group.group_id}` ends that")
        if ended := sweep_words(group):
            output.note(f"{group.name}: {ended}")


def print_jobs(found: Iterable[JobView | JobRow]) -> set[str]:
    """Print one job per line, and return their states. Of a long list, the first part decides what has a column."""
    states: set[str] = set()
    each = iter(found)
    table = None
    while part := [job for _, job in zip(range(_TOGETHER), each)]:  # noqa: B905 - the shorter ends it
        table = table or _JobTable(part)
        sys.stdout.write("\n".join([*table.lines(part), ""]))
        states.update(job.state for job in part)
    return states


def job_lines(found: Sequence[JobView | JobRow]) -> list[str]:
    """Return a table with one job per line."""
    return _JobTable(found).lines(found)


class _JobTable:
    """Jobs under headers. Without a metric there is no column of it, unless other jobs may follow."""

    def __init__(self, first: Sequence[JobView | JobRow]) -> None:
        self._metric = _shared_metric(first)
        self._has_metric = self._metric is not None or len(first) == _TOGETHER
        shown = [output.safe(self._metric or "")] if self._has_metric else []
        headers = ["#", "RUN", "STATE", "TRY", "TIME", *shown, "DETAIL"]
        self._table = output.Table(headers, flexible=[len(headers) - 1, 1], ids=[1], state_column=2)

    def lines(self, found: Sequence[JobView | JobRow]) -> list[str]:
        """Return the lines of these jobs, which follow those of the last call."""
        is_terminal, is_unicode = output.is_terminal(), output.is_unicode()
        rows = [
            [
                job.number,
                label(job) if is_terminal else job.run_id,
                cells.state_cell(job.state, unicode=is_unicode),
                job.attempt if job.attempt > 1 else "",
                output.duration(job.seconds),
                _metric_cell(job, self._metric),
                _detail(job),
            ]
            for job in found
        ]
        if not self._has_metric:
            for row in rows:
                del row[5]
        return self._table.lines(rows)


def _shared_metric(found: Sequence[JobView | JobRow]) -> str | None:
    """Return the metric that names the column: the primary metric of most runs."""
    counts: dict[str, int] = {}
    for job in found:
        if job.metric_name is not None:
            counts[job.metric_name] = counts.get(job.metric_name, 0) + 1
    return max(counts, key=counts.__getitem__, default=None)


def _metric_cell(job: JobView | JobRow, column: str | None) -> str:
    """Return a run's metric; one that is not the column's says its own name."""
    value = cells.metric(job.metric_name, job.metric_value)
    return value if job.metric_name in {None, column} else f"{job.metric_name}={value}"


def _detail(job: JobView | JobRow) -> str:
    """Return what tells a run from the others, and what is wrong with it."""
    tags = " ".join([f"#{tag}" for tag in job.tags]) if job.tags else ""
    return _APART.join(filter(None, (parameters_text(job.overrides), tags, _why(job))))


def _why(job: JobView | JobRow) -> str:
    if job.error is not None:
        return job.error
    if job.state == "running":
        return job.waiting_text or job.pause_text or ""  # what cannot be killed, or how it is paused
    return _gate(job) if job.state == "queued" else ""


def _gate(job: JobView | JobRow) -> str:
    """Return what holds a queued job back, as far as the job itself says it."""
    if job.held:
        return "held"
    if job.blockers:
        return "waits for another" if job.blockers == 1 else f"waits for {job.blockers} others"
    return f"starts at {output.moment(job.not_before)}" if job.not_before else ""
