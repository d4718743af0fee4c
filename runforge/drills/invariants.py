"""What must be true after any crash: the ten invariants I1 to I10, checked from outside.

It reads the journal, the attempts' files, the process table and a witness file, but no daemon's memory.
docs/reliability.md lists the invariants.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from runforge.attempts import exit_record, report, start_marker
from runforge.attempts.cleanup import RESTING
from runforge.core.records import Attempt, Job
from runforge.core.states import TERMINAL, Cause, State
from runforge.drills import witness as witnesses
from runforge.drills.witness import Seen, Sightings
from runforge.exports import exporter
from runforge.machine import os_process
from runforge.store import daemon_holder, records, verify
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

#: Seconds for a process that was told to end, and for a due export.
_SETTLE_SECONDS = 5.0
_PAUSE = 0.1
#: Causes of an attempt that ended without an exit record.
_UNSEEN = {
    Cause.LOST,
    Cause.REBOOT,
    Cause.LAUNCH_FAILED,
    Cause.POSTPONED,
    Cause.SPAWN_FAILED,
    Cause.FOLDER_MISSING,
    Cause.CANCELED,
    Cause.TIME_LIMIT,
    Cause.PREEMPTED,
    Cause.OOM,
}
#: What a run that its cluster has ended may be, by the cluster's word.
_BY_CLUSTER = {Cause.TIME_LIMIT, Cause.PREEMPTED, Cause.OOM, Cause.CANCELED, Cause.LOST}


@dataclass(frozen=True, slots=True)
class _Facts:
    """The journal's tables at one moment."""

    workspace: Workspace
    jobs: dict[str, Job]
    attempts: list[Attempt]
    #: The jobs with a slot, and those with a device.
    with_slot: set[str]
    with_gpu: set[str]

    @property
    def ended(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.finished_at is not None]

    def folder(self, attempt: Attempt) -> Path:
        return self.workspace.attempt_dir(attempt.run_id, attempt.attempt)


def check(
    workspace: Workspace, witness: Path | None = None, *, acknowledged: Iterable[str] = ()
) -> list[str]:
    """Return every broken invariant as a sentence; empty if all are true.

    `witness` is the file of `runforge.drills.witness`; `acknowledged` names the runs that an enqueue command
    has confirmed. This also works beside a running daemon.
    """
    before = _seen(witness)
    facts = _facts(workspace)
    after = _seen(witness)
    found = [f"I2/I7/I10: {text}" for text in verify.check(workspace)]
    known = {job.run_id for job in facts.jobs.values()}
    found += [f"I1: {run_id} was acknowledged but is lost" for run_id in acknowledged if run_id not in known]
    # A start seen before the tables were read must be in them; an end in them must be seen later.
    found += _starts(facts, before)
    for attempt in facts.ended:
        texts = [*_against_record(facts, attempt), *_against_witness(attempt, after)]
        found += [f"I4: {_name(attempt)}: {text}" for text in texts]
    found += _final_states(facts)
    found += _slots(facts)
    for look in (_orphans, _held_locks, _stale_exports):
        found += _settled(look, facts)
    return found


def _seen(witness: Path | None) -> Sightings:
    return witnesses.read(witness) if witness is not None else {}


def _facts(workspace: Workspace) -> _Facts:
    with open_journal(workspace) as journal, journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.all")]
        return _Facts(
            workspace,
            {job.job_id: job for job in jobs},
            [records.attempt(row) for row in tx.rows("attempts.all")],
            {row["job_id"] for row in tx.rows("attempts.slots")},
            {row["job_id"] for row in tx.rows("attempts.grants")},
        )


def _name(attempt: Attempt) -> str:
    return f"{attempt.run_id} attempt {attempt.attempt}"


# --- I3: each attempt starts at most once, and never beside another --- --------------------------


def _starts(facts: _Facts, seen_of: Sightings) -> list[str]:
    found = []
    known = {(attempt.run_id, attempt.attempt): attempt for attempt in facts.attempts}
    for run_id, attempts in seen_of.items():
        for number, seen in attempts.items():
            name = f"{run_id} attempt {number}"
            attempt = known.get((run_id, number))
            if attempt is None:
                found.append(f"I3: {name} ran, but the journal does not know it")
            elif attempt.cause in {Cause.LAUNCH_FAILED, Cause.POSTPONED, Cause.SPAWN_FAILED}:
                found.append(f"I3: {name} ran, but the journal says {attempt.cause}: {attempt.error}")
            if seen.starts > 1:
                found.append(f"I3: {name} started {seen.starts} times")
            later = attempts.get(number + 1)
            if later is not None and None not in {seen.last_end, later.first_start}:
                is_beside = (seen.last_end or 0) > (later.first_start or 0)
                found += [f"I3: {name} still ran when the next attempt started"] * is_beside
    return found


# --- I4: the journal says what the exit record and the witness say -------------------------------


def _against_record(facts: _Facts, attempt: Attempt) -> list[str]:
    folder = facts.folder(attempt)
    record = exit_record.read(folder, attempt.token)
    cause = Cause(attempt.cause or "")
    said = (attempt.exit_code, attempt.signal)
    if record is None:
        if cause in _UNSEEN or not folder.is_dir():
            return []
        return [f"the journal says {cause} {said}, and there is no exit record"]
    if record.terminated or record.canceled:
        # A run whose node is out of sight is stopped by a cancel, too.
        is_fenced = cause is Cause.LOST and attempt.place is not None
        right = cause in _BY_CLUSTER if record.terminated else cause is Cause.CANCELED or is_fenced
    elif record.stopped:
        right = cause in {Cause.STOPPED_EARLY, Cause.CANCELED}
    elif record.spawn_error:
        right = cause is (Cause.SPAWN_FAILED if record.spawn_errno is None else Cause.POSTPONED)
    elif record.timed_out is not None:
        right = cause is Cause.TIMEOUT
    elif record.yielded and not (record.finished and record.exit_code == 0):
        right = cause in {Cause.YIELDED, Cause.CANCELED}  # a cancel may come when it has ended already
    elif record.signal is not None:
        right = cause in {Cause.SIGNAL, Cause.OOM} and attempt.signal == record.signal
    else:
        by_itself = {Cause.EXIT} if record.exit_code else {Cause.EXIT, Cause.BAD_RESULT, Cause.FOLDER_MISSING}
        right = cause in by_itself and attempt.exit_code == record.exit_code
    if right:
        return []
    recorded = (record.exit_code, record.signal, record.canceled, record.spawn_error)
    return [f"the journal says {cause} {said}, the exit record {recorded}"]


def _against_witness(attempt: Attempt, seen_of: Sightings) -> list[str]:
    if attempt.run_id not in seen_of or attempt.cause != Cause.EXIT:
        return []
    codes = seen_of[attempt.run_id].get(attempt.attempt, Seen()).codes
    if codes == [attempt.exit_code]:
        return []
    return [f"the journal says exit code {attempt.exit_code}, the witness saw {codes}"]


def _final_states(facts: _Facts) -> list[str]:
    """Compare each ended job with its last attempt."""
    found = []
    last = {(attempt.job_id, attempt.attempt): attempt for attempt in facts.attempts}
    for job in facts.jobs.values():
        attempt = last.get((job.job_id, job.attempt))
        if job.state not in TERMINAL:
            continue
        if attempt is None:
            if job.state is State.SUCCEEDED:
                found.append(f"I4: {job.run_id} succeeded without an attempt")
            continue
        is_success = attempt.cause == Cause.EXIT and attempt.exit_code == 0
        if is_success != (job.state is State.SUCCEEDED) or attempt.finished_at is None:
            found.append(f"I4: {job.run_id} is {job.state}, its attempt ended by {attempt.cause}")
    return found


# --- I5: no slot too many ------------------------------------------------------------------------


def _slots(facts: _Facts) -> list[str]:
    running = {job.job_id for job in facts.jobs.values() if job.state is State.RUNNING}
    on_gpu = {job.job_id for job in facts.jobs.values() if job.requires_gpu}
    idle = (facts.with_slot | facts.with_gpu) - running
    found = [f"I5: {job} holds a slot but does not run" for job in idle]
    found += [f"I5: {job} runs without a slot" for job in running - facts.with_slot]
    found += [f"I5: {job} runs without a GPU slot" for job in running & on_gpu - facts.with_gpu]
    return found + [f"I5: {job} needs no GPU slot but holds one" for job in facts.with_gpu - on_gpu]


# --- I6, I8, I9: what the machine and the files show ---------------------------------------------


def _settled(look: Callable[[_Facts], list[str]], facts: _Facts) -> list[str]:
    """Look until nothing is wrong or the time is over: a process that is just ending is no orphan."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (found := look(facts)) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        facts = _facts(facts.workspace)
    return found


def _orphans(facts: _Facts) -> list[str]:
    tokens = {f"RUNFORGE_TOKEN={a.token}".encode(): a for a in facts.ended}
    root = f"{facts.workspace.state_dir}/attempts/"
    over = {str(facts.folder(a)): a for a in facts.ended}
    sessions = _sessions(facts)
    found = []
    for name in os.listdir("/proc") if os_process.IS_LINUX else []:
        if name.isdigit() and int(name) != os.getpid() and not os_process.is_zombie(int(name)):
            owned = _by_token(name, tokens) or _by_file(name, root, over) or _by_session(name, sessions)
            if owned is not None:
                found.append(f"I6: process {name} is left of {_name(owned)}, which has ended")
    return found


def _sessions(facts: _Facts) -> dict[int, tuple[Attempt, int | None]]:
    """Return the sessions in which nothing of an ended attempt may live any more, by their supervisor's pid.

    One supervisor runs one attempt after another. While it has another one, the session belongs to that.
    """
    sessions: dict[int, tuple[Attempt, int | None]] = {}
    busy = set()
    for attempt in facts.attempts:
        owner = start_marker.read(facts.folder(attempt))
        if owner is None or owner.kind != start_marker.STARTED or owner.boot_id != os_process.boot_id():
            continue
        if attempt.finished_at is None:
            busy.add(owner.pid)
        else:
            sessions[owner.pid] = (attempt, owner.start_ticks)
    is_served = daemon_holder.holder(facts.workspace) is not None
    return {
        pid: held
        for pid, held in sessions.items()
        # Beside a live daemon a supervisor without a run waits for the next, and so may its worker.
        if pid not in busy and not (is_served and _is_idle(pid))
    }


def _is_idle(supervisor: int) -> bool:
    """Return whether nothing is left of what a supervisor has started: its worker may rest, between two runs."""
    children = [pid for pid in os_process.children(supervisor) if not os_process.is_zombie(pid)]
    return not any(os_process.name_of(pid) != RESTING or os_process.children(pid) for pid in children)


def _by_token(pid: str, tokens: dict[bytes, Attempt]) -> Attempt | None:
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((tokens[word] for word in words if word in tokens), None)


def _by_file(pid: str, root: str, over: dict[str, Attempt]) -> Attempt | None:
    folder = f"/proc/{pid}/fd"
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listdir(folder)
    for name in names:
        with contextlib.suppress(OSError):
            link = os.readlink(f"{folder}/{name}")
            if link.startswith(root) and os.path.dirname(link) in over:
                return over[os.path.dirname(link)]
    return None


def _by_session(pid: str, sessions: dict[int, tuple[Attempt, int | None]]) -> Attempt | None:
    session = os_process.session_of(int(pid))
    if session not in sessions:
        return None
    attempt, ticks = sessions[session]
    leader, own = os_process.start_ticks(session), os_process.start_ticks(int(pid))
    # The number may belong to another process since: then its leader, or the process, is not the attempt's.
    is_reused = leader not in {None, ticks} or own is None or own < (ticks or 0)
    return None if is_reused else attempt


def _held_locks(facts: _Facts) -> list[str]:
    return [
        f"I9: the supervisor's lock of {_name(attempt)}, which has ended, is held"
        for attempt in facts.ended
        if report.is_locked(facts.folder(attempt) / report.SUPERVISOR_LOCK)
    ]


def _stale_exports(facts: _Facts) -> list[str]:
    return [f"I8: {text}" for text in exporter.check(facts.workspace)]
