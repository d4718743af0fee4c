"""G12 and G13: runs that make room again and again, and runs that stand still."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from gauntlets.arena import Arena, require
from gauntlets.resumable import PROGRAM, curve
from runforge.drills.traces import processes_of
from runforge.machine import os_process

#: How often the run makes room, its steps, and the seconds for each of them.
_YIELDS, _STEPS, _SECONDS = 50, 3000, 0.1


def g12(arena: Arena) -> dict[str, Any]:
    """A run that makes room fifty times has the same loss curve as one that never does."""
    alone, often = (_submit(arena, "--resumable") for _ in range(2))
    arena.daemon(2)
    for yields in range(1, _YIELDS + 1):
        wanted = len(curve(_folder(arena, often))) + 2
        arena.until(lambda n=wanted: len(curve(_folder(arena, often))) >= n, "it has got on")  # type: ignore[misc]
        arena.run("yield", often, "--workspace", str(arena.root))
        arena.until(lambda n=yields: _job(arena, often)["yields"] == n, "it has made room")  # type: ignore[misc]
    _hurry(arena).touch()
    arena.until(lambda: arena.in_state("succeeded") == 2, "both have succeeded")
    curves = [curve(_folder(arena, run_id)) for run_id in (alone, often)]
    require(curves[0] == curves[1], f"the curves differ: {curves[0][-1]} and {curves[1][-1]}")
    require([step for step, _ in curves[0]] == list(range(_STEPS)), "steps are missing or doubled")
    return {"yields": _YIELDS, "steps": _STEPS, "last_loss": curves[0][-1][1]}


def g13(arena: Arena) -> dict[str, Any]:
    """A frozen run stands still although its daemon is killed, holds its slot, and ends as if nothing had been."""
    run_id = _submit(arena)
    other = arena.sweep(1, name="other", seconds=0.1)
    arena.daemon(1)
    arena.until(lambda: len(curve(_folder(arena, run_id))) >= 2, "it trains")
    arena.run("freeze", run_id, "--workspace", str(arena.root))
    arena.until(lambda: _stands(arena), "it stands still")
    arena.kill_daemon()
    arena.daemon(1)
    before = len(curve(_folder(arena, run_id)))
    time.sleep(1.0)
    still = len(curve(_folder(arena, run_id)))
    require(still == before and _stands(arena), f"it has gone on, from step {before} to {still}")
    require(arena.in_state("queued", other) == 1, "another run has got its slot")
    arena.run("thaw", run_id, "--workspace", str(arena.root))
    _hurry(arena).touch()
    arena.until(lambda: arena.in_state("succeeded") == 2, "both have succeeded")
    steps = [step for step, _ in curve(_folder(arena, run_id))]
    require(steps == list(range(_STEPS)), "steps are missing or doubled")
    require(_job(arena, run_id)["attempt"] == 1, "it was started again")
    return {"stood_still_at_step": before, "steps": len(steps)}


def _submit(arena: Arena, *options: str) -> str:
    command = (sys.executable, "-c", PROGRAM, str(_STEPS), str(_SECONDS), str(_hurry(arena)))
    return arena.run("submit", "--workspace", str(arena.root), *options, "--", *command).strip()


def _hurry(arena: Arena) -> Path:
    return arena.root.parent / "hurry"


def _folder(arena: Arena, run_id: str) -> Path:
    return arena.root / ".runforge/runs" / run_id


def _job(arena: Arena, run_id: str) -> dict[str, Any]:
    return next(job for job in arena.jobs() if job["run_id"] == run_id)


def _stands(arena: Arena) -> bool:
    """Return whether the processes of the training and its worker are stopped."""
    own = [pid for pid in processes_of(arena.root) if PROGRAM in os_process.command_line(pid)]
    tree = own + [child for pid in own for child in os_process.descendants(pid)]
    return len(tree) >= 2 and all(os_process.is_stopped(pid) for pid in tree)
