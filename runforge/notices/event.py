"""The document of a notice, `runforge.event/1`, and its sentence. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from runforge import cells, clock
from runforge.core.records import Group, Job

SCHEMA = "runforge.event/1"
_LONGEST = 500


class Notice(NamedTuple):
    """A row of the outbox, with the records that it names as far as they are still there."""

    seq: int
    at: str
    event: str
    detail: dict[str, Any]
    job: Job | None = None
    group: Group | None = None


def document(notice: Notice, *, workspace: str, host: str) -> dict[str, Any]:
    """Return what is sent. `text` is what chat services show of a posted document."""
    return {
        "schema": SCHEMA,
        "id": notice.seq,
        "event": notice.event,
        "at": notice.at,
        "title": f"RunForge: {notice.event.replace('_', ' ')}",
        "text": sentence(notice),
        "workspace": workspace,
        "host": host,
        "run": None if notice.job is None else _run(notice.job),
        "group": None if notice.group is None else _group(notice.group),
        "detail": {name: value for name, value in notice.detail.items() if name != "asked"},
    }


def sentence(notice: Notice) -> str:
    """Return the event in one sentence for a person."""
    told = notice.detail.get("text")
    if isinstance(told, str) and told:
        text = told
    elif notice.event == "group_done" and notice.group is not None:
        text = _done(notice.group)
    elif notice.event == "breaker" and notice.group is not None:
        text = f"{notice.group.name} is paused by its breaker: {notice.detail.get('reason')}"
    elif notice.event == "daemon_gone":
        text = f"The daemon was gone for {cells.span(notice.detail.get('seconds'))}; it is back"
    elif notice.job is not None:
        text = _of_run(notice, notice.job)
    else:
        text = notice.event.replace("_", " ")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _of_run(notice: Notice, job: Job) -> str:
    name = f"Run {job.seq}" + (f" ({job.name})" if job.name else "")
    state = str(notice.detail.get("state") or job.state.value)
    error = notice.detail.get("error")
    if notice.event == "started":
        return f"{name} has started"
    text = f"{name} has {state}" if state in {"failed", "succeeded"} else f"{name} was {state}"
    text += f": {error}" if error else _after(job)
    if notice.event == "failed" and notice.group is not None:
        left = notice.group.queued + notice.group.running
        text = f"First failure in {notice.group.name}. {text}" + (f". {left} more to come" if left else "")
    return text


def _after(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f" after {cells.span(clock.seconds_between(job.started_at, job.finished_at))}"


def _done(group: Group) -> str:
    ends = (("succeeded", group.succeeded), ("failed", group.failed), ("canceled", group.canceled))
    told = ", ".join(f"{count:,} {word}" for word, count in ends if count)
    took = ""
    if group.started_at is not None and group.finished_at is not None:
        took = f", after {cells.span(clock.seconds_between(group.started_at, group.finished_at))}"
    return f"{group.name} is done: {told or 'nothing was run'}{took}"


def _run(job: Job) -> dict[str, Any]:
    return {
        "number": job.seq,
        "id": job.run_id,
        "name": job.name,
        "state": job.state.value,
        "attempt": job.attempt,
        "cause": job.cause,
        "error": job.error,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "metric": job.metric_name,
        "value": job.metric_value,
    }


def _group(group: Group) -> dict[str, Any]:
    counts = ("queued", "running", "succeeded", "failed", "canceled")
    return {
        "id": group.group_id,
        "name": group.name,
        "total": group.total,
        **{name: getattr(group, name) for name in counts},
        "started_at": group.started_at,
        "finished_at": group.finished_at,
    }
