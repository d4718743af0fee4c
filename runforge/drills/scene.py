"""An arena whose runs have a witness, with the things that a drill does to its processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from runforge import workspace as workspaces
from runforge.attempts import report, start_marker
from runforge.drills import invariants, witness
from runforge.drills.arena import Arena, require
from runforge.drills.plans import plan, request
from runforge.drills.traces import processes_of

_ENDED = {"succeeded", "failed", "canceled"}


def base_request(path: Path) -> dict[str, Any]:
    """Return the request of a run that notes its start and end in a witness file."""
    values = {"seconds": 0.1, "code": 0, "kind": "plain"}
    return request(family="command", command=witness.command(path), hyperparameters=values)


def run(seconds: float, code: int = 0, kind: str = "plain") -> dict[str, Any]:
    """Return the overrides of a run that takes this long and then exits with this code."""
    values = {"seconds": round(seconds, 3), "code": code, "kind": kind}
    return {f"model.hyperparameters.{name}": value for name, value in values.items()}


class Scene(Arena):
    """The place of a drill."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.witness = root.parent / "witness.txt"
        self.acknowledged = 0

    # --- enqueueing ----------------------------------------------------------------------------

    def put(self, *runs: dict[str, Any], name: str = "drill", **execution: Any) -> str:
        """Enqueue runs as a group; return its id. The runs are acknowledged then."""
        strategy = {"type": "list", "runs": list(runs)}
        group = self.enqueue(
            plan(self.root, base_request(self.witness), strategy, name=name, **execution), len(runs)
        )
        self.acknowledged += len(runs)
        return group

    def submit(self, *options: str, seconds: float, code: int = 0, kind: str = "plain") -> str:
        """Submit one run; return its id."""
        values = {"{seconds}": str(seconds), "{code}": str(code), "{kind}": kind}
        words = [values.get(word, word) for word in witness.command(self.witness)]
        said = self.run("submit", "--workspace", str(self.root), *options, "--", *words)
        self.acknowledged += 1
        return said.strip()

    # --- observing -----------------------------------------------------------------------------

    @property
    def started(self) -> list[str]:
        """Runs in the order of their starts, one entry for each start."""
        return witness.started(self.witness)

    @property
    def ended(self) -> list[str]:
        """Runs in the order in which they ended by themselves."""
        return witness.ended(self.witness)

    def outcomes(self) -> list[tuple[str, int, str | None]]:
        """Return state, attempt and error of every job."""
        return [(job["state"], job["attempt"], job["error"]) for job in self.jobs()]

    def supervisors(self) -> list[int]:
        """Return the supervisors that have an attempt now."""
        here = set(processes_of(self.root))
        folders = (path.parent for path in self.root.glob(".runforge/attempts/*/*/claim"))
        owners = (
            start_marker.read(folder)
            for folder in folders
            if report.is_locked(folder / report.SUPERVISOR_LOCK)
        )
        started = [owner for owner in owners if owner is not None and owner.kind == start_marker.STARTED]
        return [owner.pid for owner in started if owner.pid in here]

    def status(self) -> str:
        """Return what `queue-status` says about the daemon."""
        said = self.run("queue-status", "--json", "--workspace", str(self.root))
        return str(json.loads(said)["data"]["daemon"]["state"])

    def causes(self, run_id: str) -> list[str]:
        """Return why each attempt of a run ended."""
        said = self.run("show", run_id, "--json", "--workspace", str(self.root))
        return [attempt["cause"] for attempt in json.loads(said)["data"]["attempts"]]

    # --- acting --------------------------------------------------------------------------------

    def until_started(self, count: int = 1) -> None:
        """Wait until this many starts were seen."""
        self.until(lambda: len(self.started) >= count, f"{count} runs have started")

    def until_over(self) -> None:
        """Wait until every acknowledged job has ended."""
        self.until(self._is_over, "every job has ended")

    def _is_over(self) -> bool:
        states = [job["state"] for job in self.jobs()]
        return len(states) == self.acknowledged and set(states) <= _ENDED

    def kill_supervisors(self) -> int:
        """Kill every supervisor; return how many there were."""
        found = self.supervisors()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(found)

    def cut_power(self) -> None:
        """Kill everything at once; the supervisors first, so that they do not see their runs die."""
        self.daemons[-1].send_signal(signal.SIGKILL)
        self.kill_supervisors()
        self.clean_up()

    # --- the end -------------------------------------------------------------------------------

    def expect(self, *outcomes: tuple[str, int, str | None]) -> None:
        """Require state, attempt and error of every job."""
        require(self.outcomes() == list(outcomes), f"the jobs are {self.outcomes()}")

    def expect_ends(self, *ends: tuple[str, str | None]) -> None:
        """Require state and error of every job; a launch may have been interrupted before its start."""
        seen = [(state, error) for state, _, error in self.outcomes()]
        require(seen == list(ends), f"the jobs are {self.outcomes()}")

    def expect_each_once(self) -> None:
        """Require that every run has started exactly once."""
        runs = sorted(job["run_id"] for job in self.jobs())
        require(sorted(self.started) == runs, f"started: {self.started}, enqueued: {runs}")

    def finish(self) -> dict[str, Any]:
        """Stop everything; nothing may be left, lost, doubled or wrong."""
        left = super().finish()
        broken = invariants.check(workspaces.at(self.root), self.witness)
        require(not broken, "; ".join(broken))
        return left
