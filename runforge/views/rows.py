"""Jobs as lists show them, straight from the journal's rows, with the names of `views.shown`.

`jobs` is called all day: whole records, with what only other screens show, take longer to make than to print.
"""

from __future__ import annotations

from runforge import clock
from runforge.light_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class JobRow:
    """A job in a list."""

    __slots__ = (
        *("attempt", "blockers", "error", "group_id", "held", "metric_name", "metric_value", "name"),
        *("not_before", "number", "overrides", "run_id", "seconds", "state", "tags"),
    )
    #: Lists say only what the job itself does.
    waiting_text: str | None = None
    #: Paused runs are left to the whole record.
    pause_text = None
    #: Its parameters, once `read_parameters` has read them.
    overrides: dict[str, Any]

    def __init__(
        self,
        now: str,
        number: int,
        run_id: str,
        name: str | None,
        group_id: str | None,
        state: str,
        attempt: int,
        started_at: str | None,
        milliseconds: int | None,
        metric_name: str | None,
        metric_value: float | None,
        _overrides: str,
        tags: str,
        error: str | None,
        held: int,
        blockers: int,
        not_before: str | None,
        *_more: Any,
    ) -> None:
        self.number = number
        self.run_id = run_id
        self.name = name
        self.group_id = group_id
        self.state = state
        self.attempt = attempt
        if state == "running" and started_at:
            self.seconds: float | None = clock.seconds_between(started_at, now)
        else:
            self.seconds = None if milliseconds is None else max(0, milliseconds) / 1000
        self.metric_name = metric_name
        self.metric_value = metric_value
        self.tags: list[str] = [] if tags == "[]" else loads(tags)
        self.error = error
        self.held = held == 1
        self.blockers = blockers
        self.not_before = not_before


def job_rows(now: str, rows: Sequence[Any]) -> list[JobRow]:
    """Return the jobs of these rows, with their parameters."""
    found = [JobRow(now, *row) for row in rows]
    read_parameters(found, rows)
    return found


def read_parameters(found: Sequence[JobRow], rows: Sequence[Any]) -> None:
    """Give the jobs of these rows their parameters: read one by one they would take three times as long."""
    texts = [row["overrides"] for row in rows]
    if all(text == "{}" for text in texts):
        for job in found:
            job.overrides = {}
        return
    for job, overrides in zip(found, loads(f"[{','.join(texts)}]"), strict=True):
        job.overrides = overrides
