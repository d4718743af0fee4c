"""The load of the chaos gauntlet: one of several processes that enqueue runs and change them.

    python -m gauntlets.chaos_load WORKSPACE WITNESS RUNS SEED

Prints a line for each run that was acknowledged, `ACK run`, and at the end one line of JSON with how often
each command was given and refused. Ends when its standard input closes.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from runforge import workspace as workspaces
from runforge.core.submission import Submission
from runforge.drills.plans import grid, plan, request
from runforge.drills.scene import base_request, run
from runforge.errors import RunForgeError
from runforge.files.permissions import become_private
from runforge.queue import cancel, pause, priority, retry, submit
from runforge.views import glance
from runforge.workspace import Workspace

_CODES = (0, 0, 0, 0, 1, 3, 42)


class Load:
    """One process's share of the load."""

    #: Runs in a sweep.
    batch = 20
    #: With more waiting jobs, a process enqueues no more for a moment.
    backlog = 120
    #: How often each kind of change is made.
    weights: Sequence[float] = (8, 8, 4, 8, 2, 8, 0.2)
    kinds: Sequence[str] = ("plain",) * 14 + ("forking",) * 4 + ("stubborn",)
    #: Seconds between two steps.
    pauses = (0.02, 0.4)

    def __init__(self, here: Workspace, witness: Path, runs: int, dice: Random) -> None:
        self.workspace = here
        self._witness = witness
        self._left = runs
        self._dice = dice
        self._runs: list[str] = []
        self._groups: list[str] = []
        self._paused: list[str] = []
        self.counts: Counter[str] = Counter()

    def step(self) -> None:
        """Enqueue something, or change what was enqueued."""
        if self._left and glance.queue_summary(self.workspace).counts["queued"] < self.backlog:
            self._try("enqueue", "", self.enqueue)
        if not self._runs or not self._groups:
            return
        deeds = self.deeds(self._dice.choice(self._runs), self._dice.choice(self._groups))
        name = self._dice.choices(list(deeds), self.weights)[0]
        self._try(name, *deeds[name])

    def deeds(self, run_id: str, group_id: str) -> dict[str, tuple[str, Callable[[], Any]]]:
        """Return what can be done to what was enqueued: name to target and deed."""
        return {
            "cancel-run": (run_id, lambda: cancel.cancel_run(self.workspace, run_id)),
            "retry-run": (run_id, lambda: retry.retry_run(self.workspace, run_id)),
            "retry-failed": (group_id, lambda: retry.retry_failed(self.workspace, group_id)),
            "set-priority": (
                run_id,
                lambda: priority.set_priority(self.workspace, run_id, self._dice.randint(-5, 5)),
            ),
            "pause-group": (group_id, lambda: self._pause(group_id)),
            "resume-group": ("", self._resume),
            "cancel-group": (group_id, lambda: cancel.cancel_group(self.workspace, group_id)),
        }

    def acknowledged(self, name: str, target: str) -> None:
        """Note that a command has returned; a load that keeps a record overrides this."""

    def _pause(self, group_id: str) -> None:
        pause.pause_group(self.workspace, group_id)
        self._paused.append(group_id)

    def _resume(self) -> None:
        if self._paused:
            pause.resume_group(self.workspace, self._paused.pop(0))

    def _try(self, name: str, target: str, deed: Callable[[], Any]) -> None:
        self.counts[name] += 1
        try:
            deed()
        except RunForgeError as error:
            # Random changes are sometimes refused: a run that has ended cannot be canceled.
            self.counts[f"{name} refused: {type(error).__name__}"] += 1
        else:
            self.acknowledged(name, target)

    def enqueue(self) -> None:
        """Enqueue a sweep."""
        count = min(self.batch, self._left)
        document, hold = self.document(count)
        made = submit.enqueue_sweep(
            self.workspace, json.dumps(document).encode(), Submission(dry_run_seconds=hold), where="plan"
        )
        self._left -= count
        self._groups.append(made.group_id)
        self._runs += made.run_ids
        print("\n".join(f"ACK {run_id}" for run_id in made.run_ids), flush=True)

    def document(self, count: int) -> tuple[dict[str, Any], float | None]:
        """Return a plan, and for dry runs how long each takes: mostly commands, sometimes a training."""
        root, dice = self.workspace.root, self._dice
        lot = dice.random()
        if lot < 0.08:
            base = request(family="logistic_regression", hyperparameters={})
            strategy = grid(count, "model.hyperparameters.random_state")
            hold = None if lot < 0.02 else 0.05
            return plan(root, base, strategy, name="chaos-training"), hold
        return self.commands(count), None

    def commands(self, count: int) -> dict[str, Any]:
        """Return a plan of this many commands."""
        dice = self._dice
        runs = [
            run(min(2.0, dice.expovariate(4.0)), dice.choice(_CODES), dice.choice(self.kinds))
            for _ in range(count)
        ]
        strategy = {"type": "list", "runs": runs}
        return plan(self.workspace.root, base_request(self._witness), strategy, name="chaos")


def main(kind: type[Load] = Load) -> None:
    """Continue until standard input closes."""
    become_private()
    workspace, witness, runs, seed = sys.argv[1:]
    load = kind(workspaces.at(Path(workspace)), Path(witness), int(runs), Random(f"{seed} load"))
    dice = Random(f"{seed} pauses")
    while not select.select([sys.stdin], [], [], dice.uniform(*kind.pauses))[0]:
        load.step()
    print(json.dumps(load.counts), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
