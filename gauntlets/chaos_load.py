"""The load of the chaos gauntlet: one of several processes that enqueue runs and meddle with them.

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
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from runforge import control, views
from runforge import workspace as workspaces
from runforge.drills.plans import grid, plan, request
from runforge.drills.scene import base_request, run
from runforge.errors import RunForgeError
from runforge.permissions import become_private
from runforge.workspace import Workspace

_BATCH = 20
#: Jobs that may wait before a process enqueues no more for a moment.
_BACKLOG = 120
#: How often each kind of meddling comes up.
_WEIGHTS = (8, 8, 4, 8, 2, 8, 0.2)
_CODES = (0, 0, 0, 0, 1, 3, 42)
_KINDS = ("plain",) * 14 + ("forking",) * 4 + ("stubborn",)


class Load:
    """One process's share of the load."""

    def __init__(self, here: Workspace, witness: Path, runs: int, dice: Random) -> None:
        self._here = here
        self._witness = witness
        self._left = runs
        self._dice = dice
        self._runs: list[str] = []
        self._groups: list[str] = []
        self._paused: list[str] = []
        self.counts: Counter[str] = Counter()

    def step(self) -> None:
        """Enqueue something, or meddle with what was enqueued."""
        if self._left and views.queue_summary(self._here).counts["queued"] < _BACKLOG:
            self._try("enqueue", self._enqueue)
        if not self._runs:
            return
        run_id, group_id = self._dice.choice(self._runs), self._dice.choice(self._groups)
        deeds: dict[str, Callable[[], Any]] = {
            "cancel-run": lambda: control.cancel_run(self._here, run_id),
            "retry-run": lambda: control.retry_run(self._here, run_id),
            "retry-failed": lambda: control.retry_failed(self._here, group_id),
            "set-priority": lambda: control.set_priority(self._here, run_id, self._dice.randint(-5, 5)),
            "pause-group": lambda: self._pause(group_id),
            "resume-group": self._resume,
            "cancel-group": lambda: control.cancel_group(self._here, group_id),
        }
        name = self._dice.choices(list(deeds), _WEIGHTS)[0]
        self._try(name, deeds[name])

    def _pause(self, group_id: str) -> None:
        control.pause_group(self._here, group_id)
        self._paused.append(group_id)

    def _resume(self) -> None:
        if self._paused:
            control.resume_group(self._here, self._paused.pop(0))

    def _try(self, name: str, deed: Callable[[], Any]) -> None:
        self.counts[name] += 1
        try:
            deed()
        except RunForgeError as error:
            # Whoever meddles at random is refused at times: a run that has ended cannot be canceled.
            self.counts[f"{name} refused: {type(error).__name__}"] += 1

    def _enqueue(self) -> None:
        count = min(_BATCH, self._left)
        document, hold = self._document(count)
        made = control.enqueue_sweep(
            self._here, json.dumps(document).encode(), where="plan", dry_run_seconds=hold
        )
        self._left -= count
        self._groups.append(made.group_id)
        self._runs += made.run_ids
        print("\n".join(f"ACK {run_id}" for run_id in made.run_ids), flush=True)

    def _document(self, count: int) -> tuple[dict[str, Any], float | None]:
        """Return a plan, and for dry runs how long each takes: mostly commands, at times a training."""
        root, dice = self._here.root, self._dice
        lot = dice.random()
        if lot < 0.08:
            base = request(family="logistic_regression", hyperparameters={})
            strategy = grid(count, "model.hyperparameters.random_state")
            hold = None if lot < 0.02 else 0.05
            return plan(root, base, strategy, name="chaos-training"), hold
        runs = [
            run(min(2.0, dice.expovariate(4.0)), dice.choice(_CODES), dice.choice(_KINDS))
            for _ in range(count)
        ]
        strategy = {"type": "list", "runs": runs}
        return plan(root, base_request(self._witness), strategy, name="chaos"), None


def main() -> None:
    """Go on until standard input closes."""
    become_private()
    workspace, witness, runs, seed = sys.argv[1:]
    load = Load(workspaces.at(Path(workspace)), Path(witness), int(runs), Random(f"{seed} load"))
    dice = Random(f"{seed} pauses")
    while not select.select([sys.stdin], [], [], dice.uniform(0.02, 0.4))[0]:
        load.step()
    print(json.dumps(load.counts), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
