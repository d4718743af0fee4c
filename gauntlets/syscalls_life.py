"""One life of the syscalls gauntlet: six runs, and a call that fails for a while around them.

`live`: the fault begins while a daemon has four running runs; they end and two more start under it.
`takeover`: the daemon is killed, two runs end, and the next daemon starts under the fault.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from gauntlets.syscalls_shim import Case, Shim
from runforge import workspace as workspaces
from runforge.core.records import Attempt, Job
from runforge.core.states import TERMINAL, State
from runforge.core.submission import Submission
from runforge.documents import strict_json
from runforge.drills import witness
from runforge.drills.arena import Unmet
from runforge.drills.plans import plan, request
from runforge.drills.scene import Scene
from runforge.drills.traces import processes_of
from runforge.errors import RunForgeError
from runforge.queue import cancel, daemon_wish, submit
from runforge.store import records
from runforge.store.opening import open_journal

PHASES = ("live", "takeover")
#: The runs by what they do: exit 0, exit 3, wait to be canceled; those of the second name come under the fault.
KINDS: dict[str, State] = {
    "good": State.SUCCEEDED,
    "bad": State.FAILED,
    "later": State.SUCCEEDED,
    "canceled": State.CANCELED,
    "new-good": State.SUCCEEDED,
    "new-bad": State.FAILED,
    "dry": State.SUCCEEDED,
}
_FIRST, _SECOND = ("good", "bad", "later", "canceled"), ("new-good", "new-bad")
#: Arguments: witness, the folder of the files that are waited for, kind.
_PROGRAM = """
note() { printf '%s %s %s%s\\n' "$1" "$RUNFORGE_RUN_ID" "$RUNFORGE_ATTEMPT" "$2" >>"$witness"; }
witness=$0 folder=$1 kind=$2 code=0
note START ''
echo '[RF:METRIC=loss 0.5 step=1]'
mkdir -p "$RUNFORGE_RUN_DIR/artifacts"; echo "$kind" >"$RUNFORGE_RUN_DIR/artifacts/kind"
while [ ! -e "$folder/release-$kind" ]; do sleep 0.02; done
case $kind in *bad) code=3 ;; esac
note END " $code"
exit $code
"""
_SLOTS = 8
#: How long a fault lasts after its first hit, and how long to wait for that.
_FAULT_SECONDS, _UNMET_SECONDS = 1.0, 2.5
_END_SECONDS = 60.0
_PAUSE = 0.03


class Life(Scene):
    """A workspace whose daemons, zygotes and supervisors have the shim."""

    program: tuple[str, ...] = (sys.executable, "-m", "gauntlets.syscalls_daemon")

    def __init__(self, root: Path, library: Path, case: Case | None, phase: str, stopped: Event) -> None:
        super().__init__(root)
        self.ws = workspaces.at(root)
        self.phase = phase
        self.runs: dict[str, str] = {}
        #: How the daemon under the fault ended, None if it still runs.
        self.exit_code: int | None = None
        #: Which of the daemons that was.
        self.under_fault = 0
        self._stopped = stopped
        self.shim = Shim(library, self.ws.hidden, root.parent, case)
        self.environment.update(self.shim.environment)

    def play(self) -> None:
        """Run until every run has ended and the last daemon has stopped. Unmet if that does not happen."""
        self.daemon(_SLOTS)
        self._enqueue(_FIRST)
        self.until(lambda: len(self.started) == len(_FIRST), "the first runs have started")
        if self.phase == "takeover":
            self.kill_daemon()
            self._release("good", "bad")
            self.until(lambda: len(self.ended) == 2, "two runs have ended without a daemon")
        self.shim.switch(on=True)
        self._suffer()
        self.shim.switch(on=False)
        self.exit_code, self.under_fault = self.daemons[-1].poll(), len(self.daemons) - 1
        self.until(self._are_over, "every run has ended", _END_SECONDS)
        self._stop()

    def _suffer(self) -> None:
        """Work under the fault until it has been hit for a while, or will not be hit."""
        if self.phase == "takeover":
            self._enqueue(_SECOND)
            self.spawn_daemon(_SLOTS, 1)
        self._release("later", "good", "bad", *_SECOND)
        if self.phase == "live":
            self._enqueue(_SECOND)
        self._dry_run()
        cancel.cancel_run(self.ws, self.runs["canceled"])
        if self.phase == "takeover":
            process = self.daemons[-1]
            up = lambda: process.poll() is not None or "DAEMON=STARTED" in self.said(process)  # noqa: E731
            self.until(up, "the daemon is up or has given up")
        deadline = time.monotonic() + _UNMET_SECONDS
        while not self.shim.has_hit() and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        if self.shim.has_hit():
            time.sleep(_FAULT_SECONDS)

    def until(self, condition: Callable[[], object], what: str, seconds: float = _END_SECONDS) -> None:
        """Wait for a fact, but not after the gauntlet was stopped."""

        def is_met() -> object:
            if self._stopped.is_set():
                raise KeyboardInterrupt
            return condition()

        super().until(is_met, what, seconds)

    # --- the queue -----------------------------------------------------------------------------

    def _enqueue(self, kinds: tuple[str, ...]) -> None:
        command = ["/bin/sh", "-c", _PROGRAM, str(self.witness), str(self.root.parent), "{kind}"]
        base = request(family="command", command=command, hyperparameters={})
        runs = [{"model.hyperparameters.kind": kind} for kind in kinds]
        document = plan(self.root, base, {"type": "list", "runs": runs}, name=kinds[0], max_parallel=_SLOTS)
        made = submit.enqueue_sweep(self.ws, strict_json.dump(document), where="plan.json")
        self.runs.update(zip(kinds, made.run_ids, strict=True))

    def _dry_run(self) -> None:
        """Enqueue a dry run: its worker is forked, not spawned."""
        base = request(family="logistic_regression", hyperparameters={})
        document = plan(self.root, base, {"type": "list", "runs": [{}]}, name="dry")
        submission = Submission(dry_run_seconds=0.1)
        made = submit.enqueue_sweep(self.ws, strict_json.dump(document), submission, where="plan.json")
        self.runs["dry"] = made.run_ids[0]

    def _release(self, *kinds: str) -> None:
        for kind in kinds:
            (self.root.parent / f"release-{kind}").touch()

    def table(self) -> tuple[dict[str, Job], list[Attempt]]:
        """Return the jobs by the kinds of their runs, and all attempts."""
        with open_journal(self.ws) as journal, journal.read() as tx:
            jobs = {row["run_id"]: records.job(row) for row in tx.rows("jobs.all")}
            attempts = [records.attempt(row) for row in tx.rows("attempts.all")]
        return {kind: jobs[run_id] for kind, run_id in self.runs.items()}, attempts

    def _are_over(self) -> bool:
        """Return whether every run has ended, with a fresh daemon if the last one has left."""
        if self.daemons[-1].poll() is not None:
            self.daemon(_SLOTS)
        return all(job.state in TERMINAL for job in self.table()[0].values())

    # --- the end -------------------------------------------------------------------------------

    def _stop(self) -> None:
        daemon_wish.set_wanted(self.ws, "stop")
        try:
            self.daemons[-1].wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            raise Unmet("the daemon does not stop") from None
        with contextlib.suppress(Unmet):
            self.until(lambda: not processes_of(self.root), "every process is gone", 5.0)

    def ends(self) -> dict[str, tuple[int, list[int]]]:
        """Return how often each command has started, and the exit codes of its ends."""
        seen = witness.read(self.witness)
        found = {}
        for kind, run_id in self.runs.items():
            attempts = seen.get(run_id, {}).values()
            found[kind] = (
                sum(one.starts for one in attempts),
                [code for one in attempts for code in one.codes],
            )
        return found

    def summary(self) -> list[dict[str, Any]]:
        """Return the outcome of each run, as far as the journal knows it."""
        try:
            jobs, attempts = self.table()
        except (RunForgeError, LookupError):
            return []
        return [
            {
                "run": kind,
                "state": job.state.value,
                "error": job.error,
                "attempts": [a.cause for a in attempts if a.run_id == job.run_id],
            }
            for kind, job in jobs.items()
        ]
