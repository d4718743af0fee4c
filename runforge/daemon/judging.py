"""What became of an attempt: the same judgement at a restart and in the steady state.

Source of the table: docs/reliability.md, "Recovery".
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from runforge import clock, failpoints, machine_faults
from runforge.attempts import cleanup, outputs, refusal, report, start_marker, unkillable
from runforge.attempts import spec as specs
from runforge.attempts.spec import Payload, SpecError
from runforge.core.outcome import Ending, ExitRecord
from runforge.core.states import State
from runforge.daemon import endings
from runforge.daemon.attempt_table import Active
from runforge.daemon.launch_gate import say
from runforge.machine import os_process
from runforge.training import outcome
from runforge.workspace import Workspace


def judge_attempt(workspace: Workspace, active: Active, policy: str) -> Ending | None:
    """Return how the attempt ended, or None while its supervisor lives.

    An attempt that nobody has claimed is revoked first: a supervisor that comes late finds that and
    leaves. What is left of a lost attempt is killed before it is judged, so that the next attempt
    is the only one.
    """
    verdict = report.judge(active.attempt_dir, active.token)
    kinds = report.VerdictKind
    run_dir = workspace.root / active.job.run_dir
    if verdict.kind is kinds.LIVE:
        return None
    if verdict.kind is kinds.ENDED and verdict.record is not None:
        if not _has_result(active, verdict.record, run_dir):
            return None
        active.refusal = verdict.record.spawn_errno
        return endings.from_record(verdict.record, run_dir)
    if verdict.kind in {kinds.UNCLAIMED, kinds.REVOKED}:
        return _judge_unstarted(active, verdict.kind, policy)
    return _judge_lost(workspace, active, verdict.kind, policy)


def _judge_unstarted(active: Active, kind: report.VerdictKind, policy: str) -> Ending | None:
    if kind is report.VerdictKind.UNCLAIMED and not start_marker.revoke(active.attempt_dir, active.token):
        return None  # it was claimed in this very moment: judge again
    failpoints.hit("lost.revoked")
    if refusal.is_forged(active.attempt_dir):
        return endings.forged()
    active.refusal = active.refusal or refusal.read(active.attempt_dir)
    if active.refusal is not None:
        return endings.postponed(active.refusal)
    return _from_verdict(kind, active, policy)


def _judge_lost(workspace: Workspace, active: Active, kind: report.VerdictKind, policy: str) -> Ending | None:
    if not _is_swept(active):
        return None
    if kind is report.VerdictKind.FOLDER_MISSING:
        outputs.put_away_unless_launched(workspace, active.job)
        if not start_marker.bury(active.attempt_dir, active.token):
            return None  # it was launched in this very moment: judge again
        failpoints.hit("lost.buried")
    failpoints.hit("lost.swept")
    ending = _from_verdict(kind, active, policy)
    _leave_result(active, ending, workspace.root / active.job.run_dir)
    failpoints.hit("lost.result_left")
    return ending


def _from_verdict(kind: report.VerdictKind, active: Active, policy: str) -> Ending:
    return endings.from_verdict(kind, active.job, policy, unstarted=active.unstarted)


def _has_result(active: Active, record: ExitRecord, run_dir: Path) -> bool:
    """See to it that the attempt has a result.json; False while the disk has no room for one.

    Its supervisor leaves one before the record. Only a disk that was full then, or a workspace that moved away,
    has kept it from that, and must not turn a run that succeeded into one without a result.
    """
    if not run_dir.is_dir() or os.path.lexists(run_dir / "result.json"):
        return True
    try:
        # Where the folder is now: the workspace may have been moved while the run went on.
        outcome.finish(specs.read(active.attempt_dir)._replace(run_dir=run_dir), record)
    except OSError as error:
        return machine_faults.of(error) in {None, errno.EIO}
    except SpecError:
        return True  # no spec to go by: the ending is told without a result
    return True


def _is_swept(active: Active) -> bool:
    """Kill what is left of a lost attempt; False while something of it cannot be killed.

    The first time it is waited for; after that it is looked at as often as other things that no event tells.
    """
    owner = start_marker.read(active.attempt_dir)
    session = owner.pid if owner is not None and owner.boot_id == os_process.boot_id() else None
    patience = {"seconds": 0.0} if active.survivors else {}
    left = cleanup.sweep(active.token, active.attempt_dir, session, **patience).left
    if left != active.survivors:
        unkillable.note(active.attempt_dir, left)
        if left and not active.survivors:
            say(f"WARNING: run {active.job.run_id} is lost; {unkillable.words(left)}")
        active.survivors = left
    return not left


def _payload(active: Active) -> Payload | None:
    try:
        return specs.read(active.attempt_dir).payload
    except (OSError, SpecError):
        return None  # the attempt's folder is gone, or damaged: what it was to do is not known


def _leave_result(active: Active, ending: Ending, run_dir: Path) -> None:
    """Every attempt that ends leaves a result.json; this one could not write its own."""
    if not run_dir.is_dir():
        return
    status = "cancelled" if ending.state is State.CANCELED else "failed"
    now = clock.now()
    started = active.job.started_at or now
    with contextlib.suppress(OSError):
        outcome.write_lost(
            run_dir,
            _payload(active),
            status=status,
            error_type=ending.cause.value,
            message=ending.error or "",
            started_at=started,
            finished_at=now,
            duration_ms=int(clock.seconds_between(started, now) * 1000),
        )
