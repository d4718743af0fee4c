"""What must be true after a system call has failed for a while: nothing lost, doubled, wrong or left over."""

from __future__ import annotations

import re
from collections import Counter

from gauntlets.syscalls_life import KINDS, Life
from runforge.cli.doctor import findings
from runforge.core.records import Attempt, Job
from runforge.core.states import Cause, State
from runforge.documents.result import read_result
from runforge.drills import invariants, witness
from runforge.drills.traces import held_locks, processes_of
from runforge.errors import InternalError

_NOT_THE_RUNS = {Cause.POSTPONED}
_OWN_ENDS = {Cause.EXIT, Cause.CANCELED}
#: The same line may be logged this often; more often is noise.
_MOST_TOLD = 3
#: Nothing is ever deleted, replaced or moved here.
_UNTRUE = re.compile(r"(was|were) (deleted|replaced|moved)|is (missing|not there|gone)|deleted or replaced")
#: The number of an attempt and the name of a temporary file: the same line without them is the same.
_VARYING = re.compile(r"(?<=/)\d+(?=/)|(?<=\.rf-tmp-)\w+")
_RESULTS = {State.SUCCEEDED: "succeeded", State.FAILED: "failed", State.CANCELED: "cancelled"}


def broken(life: Life) -> list[str]:
    """Return all that is wrong after the last daemon has stopped."""
    jobs, attempts = life.table()
    found = [text for kind, job in jobs.items() for text in _outcome(life, kind, job)]
    found += _counted(life, attempts)
    found += _twice(life)
    found += _daemon(life)
    found += _log(life, attempts)
    found += invariants.check(life.ws, life.witness, acknowledged=life.runs.values())
    found += [f"doctor: {f.name}: {f.text}" for f in findings(life.ws) if f.status == "problem"]
    found += [f"process {pid} is left" for pid in processes_of(life.root)]
    return found + [f"the lock {path} is held" for path in held_locks(life.root)]


def _outcome(life: Life, kind: str, job: Job) -> list[str]:
    """Compare a run's end and its result with what the command did."""
    found = []
    if job.state is not KINDS[kind]:
        found.append(f"{kind} is {job.state} ({job.cause}: {job.error}) and must be {KINDS[kind]}")
    try:
        data = (life.root / job.run_dir / "result.json").read_bytes()
    except OSError as error:
        return [*found, f"{kind} has no result.json: {error.strerror}"]
    result = read_result(data)
    if result is None or result.status != _RESULTS[KINDS[kind]]:
        found.append(f"{kind}: result.json says {result.status if result else 'nothing'}")
    return found


def _counted(life: Life, attempts: list[Attempt]) -> list[str]:
    """Return the attempts that count against a job but should not.

    A daemon leaves when its journal's disk fails. What it was about to claim in that moment the disk may have kept:
    such an attempt never starts, and nobody can tell it from one whose folder was deleted.
    """
    kinds = {run_id: kind for kind, run_id in life.runs.items()}
    seen = witness.read(life.witness)
    has_left = life.exit_code == InternalError.exit_code
    return [
        f"attempt {a.attempt} of {kinds[a.run_id]} ended by {a.cause}: {a.error}"
        for a in attempts
        if (a.cause is None or Cause(a.cause) not in _NOT_THE_RUNS | _OWN_ENDS)
        and not (has_left and a.cause == Cause.LOST and a.attempt not in seen.get(a.run_id, {}))
    ]


def _twice(life: Life) -> list[str]:
    found = []
    for kind, (starts, codes) in life.ends().items():
        if len(codes) > 1:
            found.append(f"{kind} ran {len(codes)} times to its end")
        elif starts > 1:
            found.append(f"{kind} started {starts} times")
    return found


def _daemon(life: Life) -> list[str]:
    """Return what is wrong with the end of the daemon under the fault, if it has ended."""
    if life.exit_code is None:
        return []
    said = life.said(life.daemons[life.under_fault])
    is_up = "[RF:DAEMON=STARTED" in said
    # One that cannot even start is a command that is refused.
    allowed = {InternalError.exit_code} if is_up else {1, 3, InternalError.exit_code}
    found = []
    if life.exit_code not in allowed:
        found.append(f"the daemon left with exit code {life.exit_code}")
    if "internal error" in said:
        found.append(
            f"the daemon takes the fault for its own: {said[said.index('internal error') :][:200]!r}"
        )
    if "ERROR: " not in said:
        found.append(f"the daemon left and did not say why: {said[-300:]!r}")
    return found


def _log(life: Life, attempts: list[Attempt]) -> list[str]:
    """Return where a process crashed, logged nothing, or logged the same line again and again."""
    found = []
    for path in [*life.root.parent.glob("*.out"), life.ws.queue_dir / "zygote.log"]:
        text = path.read_text("utf-8", errors="replace") if path.exists() else ""
        found += [f"{path.name}: {words}" for words in _tracebacks(text)]
    lines = [line for process in life.daemons for line in life.said(process).splitlines()]
    found += [f"told what is not so: {line}" for line in lines if _UNTRUE.search(line)]
    told = Counter(_VARYING.sub("#", line) for line in lines if not line.startswith("[RF:"))
    found += [f"told {n} times: {line}" for line, n in told.items() if n > _MOST_TOLD]
    if any(a.cause == Cause.POSTPONED for a in attempts) and not any("WARNING" in line for line in told):
        found.append("a launch was postponed, and nobody was told why")
    return found


def _tracebacks(text: str) -> set[str]:
    """Return each traceback as its error and the deepest place of RunForge's in it."""
    found = set()
    for trace in text.split("Traceback (most recent call last):")[1:]:
        places = re.findall(r"/(runforge/\S+)\", line (\d+), in (\w+)", trace)
        error = next((line for line in trace.splitlines()[1:] if line[:1].strip()), "")
        place = ":".join(places[-1]) if places else "nowhere"
        found.add(f"traceback at {place}: {error.partition(': ')[0]}")
    return found
