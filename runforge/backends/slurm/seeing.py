"""The report on an attempt in Slurm: what its files say, and Slurm's word beside. Guesses nothing."""

from __future__ import annotations

from pathlib import Path

from runforge import clock
from runforge.attempts import earlier_life, report, start_marker
from runforge.backends.slurm.attempts import REASON_SECONDS, Attempt, Phase
from runforge.backends.slurm.listing import WAITING
from runforge.core.outcome import ExitRecord, Finding, Progress, Report, Scheduled
from runforge.supervise.node import said_in


def report_on(attempt: Attempt, run_dir: Path, now: float, *, has_list: bool, remembers: float) -> Report:
    """Return the report. OSError if it cannot be read now.

    `has_list`: Slurm has told its jobs since the daemon's start. For `remembers` seconds it lists a job that has ended.
    """
    if attempt.record is not None:
        found = report.ended(attempt.folder, run_dir, attempt.record, is_here=False)
    elif attempt.is_folder_missing:
        # Nothing is submitted before its folder is there: so only a job on the list can have been.
        is_known = has_list and (attempt.row is None or attempt.row.is_over)
        finding = Finding.FOLDER_MISSING if is_known else Finding.LIVE
        found = Report(earlier_life.refined(attempt.folder, attempt.ref.token, finding))
    elif not attempt.is_over(now):
        found = Report(Finding.LIVE)
    elif attempt.has_begun:
        found = Report(Finding.LOST)
    else:
        found = _unbegun(attempt)
    return found._replace(scheduled=_scheduled(attempt, now, remembers))


def progress(attempt: Attempt, cluster: str) -> Progress:
    """Return how far an attempt has come; `cluster` is the cluster's name."""
    place = f"slurm:{cluster}:{attempt.job_id}" if attempt.job_id else None
    if attempt.begun is not None:
        place = f"slurm:{cluster}:{attempt.begun.job}"
        return Progress(place, begun_at=attempt.begun.at, node=attempt.begun.node)
    waiting = attempt.told.waiting
    if attempt.row is not None and attempt.row.state in WAITING:
        waiting = attempt.row.reason or attempt.row.state.capitalize()
    return Progress(place, waiting=attempt.refusal or attempt.hint or waiting)


def _unbegun(attempt: Attempt) -> Report:
    """Return the report on an attempt that has left no line: its start marker tells whether it can still begin."""
    owner = start_marker.read(attempt.folder)
    if owner is None:
        return Report(Finding.LOST if start_marker.is_taken(attempt.folder) else Finding.UNCLAIMED)
    if owner.token != attempt.ref.token:
        return Report(Finding.EARLIER)
    if owner.kind == start_marker.REVOKED:
        return report.revoked(attempt.folder)
    attempt.is_claimed = True
    return Report(Finding.LIVE)


def _scheduled(attempt: Attempt, now: float, remembers: float) -> Scheduled:
    row, record = attempt.row, attempt.record
    is_known = row is not None and (row.is_over or not attempt.is_absent)
    is_heard = attempt.heard_at >= attempt.record_since
    return Scheduled(
        row.state if row is not None and is_known else None,
        row.node if row is not None else "",
        said_in(attempt.folder) if record is None and attempt.is_over(now) else None,
        is_withdrawn=attempt.phase is Phase.WITHDRAWN,
        is_fenced=attempt.fenced_since is not None,
        is_final=record is None or (is_heard and now - attempt.record_since >= REASON_SECONDS),
        is_pilot=attempt.is_in_pilot,
        is_unlisted=record is not None and is_heard and not attempt.is_listed and _age(record) < remembers,
    )


def _age(record: ExitRecord) -> float:
    """Return for how many seconds an attempt has been over, by two clocks that may differ a little."""
    return clock.seconds_between(record.finished_at, clock.now())
