"""G11: what `submit` promises, with a daemon that is killed in the middle of it."""

from __future__ import annotations

import json
import sys
from typing import Any

from gauntlets.arena import Arena, require
from gauntlets.watching import most_at_once, read_lines, states

#: Adds its arguments as one word to a file.
_NOTE = "import sys; open(sys.argv[1], 'a').write('-'.join(sys.argv[2:]) + '\\n')"


def g11(arena: Arena) -> dict[str, Any]:
    """Submitted runs wait for each other, are edited, retried and ended in time, also if the daemon is killed."""
    witness = str(arena.root.parent / "witness")
    note = [sys.executable, "-c", _NOTE, witness]
    runs = _submit(arena, witness, note)
    arena.daemon(2)
    arena.until(lambda: runs["endless"] in _running(arena), "the endless run is running")
    arena.kill_daemon()
    arena.run("edit", runs["edited"], "lr=0.5", "-n", "corrected", "--workspace", str(arena.root))
    arena.run("release", runs["edited"], "--workspace", str(arena.root))
    arena.daemon(2)
    for name in ("last", "again", "cleanup", "edited"):
        arena.run("wait", runs[name], "--workspace", str(arena.root))
    shown = {name: _job(arena, run) for name, run in runs.items() if name != "grid"}
    require((shown["endless"]["state"], shown["endless"]["cause"]) == ("failed", "timeout"), "no time limit")
    require((shown["doomed"]["state"], shown["doomed"]["cause"]) == ("canceled", "dependency"), "no cascade")
    require((shown["again"]["state"], shown["again"]["attempt"]) == ("succeeded", 2), "no retry")
    require(shown["edited"]["overrides"] == {"model.hyperparameters.lr": 0.5}, "the edit is not kept")
    grid = arena.jobs(runs["grid"])
    require(most_at_once(grid) == 1, "more of the group ran at once than it may have")
    lines = read_lines(arena.root.parent / "witness")
    require(lines.count("edited-0.5") == 1, "the edited run did not get its new value")
    expected = ["first", *(f"grid-{lr}-{seed}" for lr in (0.1, 0.2) for seed in (1, 2)), "last"]
    require([line for line in lines if line != "edited-0.5"] == expected, f"order: {lines}")
    return {"witness": lines, "states": states(arena.jobs()), "endless": shown["endless"]["error"]}


def _submit(arena: Arena, witness: str, note: list[str]) -> dict[str, str]:
    """Submit everything; return the ids by what they are for."""

    def submit(*words: str) -> str:
        said = arena.run("submit", "--workspace", str(arena.root), *words)
        require(said.count("\n") == 1, f"more than the id was printed: {said}")
        return said.strip()

    first = submit("-n", "first", "--shell", "--", f"sleep 0.3; echo first >> {witness}")
    grid = ("-g", "grid", "-S", "lr=0.1,0.2", "-S", "seed=1..2", "--max-parallel", "1")
    endless = submit("-n", "endless", "-t", "4s", "--", "sleep", "3600")
    return {
        "first": first,
        "grid": submit(*grid, "--after", first, "--", *note, "grid", "{lr}", "{seed}"),
        "last": submit("--after", "grid", "--after", f"{first}:any", "--", *note, "last"),
        "endless": endless,
        "cleanup": submit("--after", f"{endless}:fail", "--", "true"),
        "doomed": submit("--after", endless, "--", "true"),
        "again": submit(
            "--retry", "3:exit", "--backoff", "0s", "--shell", "--", '[ "$RUNFORGE_ATTEMPT" = 2 ]'
        ),
        "edited": _run_of(
            arena, submit("--hold", "-n", "edited", "-S", "lr=9", "--", *note, "edited", "{lr}")
        ),
    }


def _run_of(arena: Arena, group_id: str) -> str:
    return str(arena.jobs(group_id)[0]["run_id"])


def _running(arena: Arena) -> set[str]:
    return {job["run_id"] for job in arena.jobs() if job["state"] == "running"}


def _job(arena: Arena, run_id: str) -> dict[str, Any]:
    shown = arena.run("show", run_id, "--json", "--workspace", str(arena.root))
    return dict(json.loads(shown)["data"]["job"])
