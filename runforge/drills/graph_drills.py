"""Drills of what a person asks of waiting runs: to wait for others, and to be others than they were."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

from runforge.drills.arena import require
from runforge.drills.scene import Scene, run

#: Where an edit is killed: before and after each of its steps.
_POINTS = (
    "tx.begun",
    "edit.request_kept",
    "tx.written",
    "edit.committed",
    "edit.request_placed",
    "command.committed",
)
_EDITS = 16
_RUNS = 20


def fan_in(here: Scene, dice: Random) -> str:
    """Runs wait for runs that are tried again, fail, or are a group, while the daemon is killed again and again."""
    kills = 5
    graph = _graph(here, dice)
    for _ in range(kills):
        here.daemon(3)
        time.sleep(dice.uniform(0, 0.5))
        here.kill_daemon()
    here.daemon(3)
    here.until_over()
    _check_graph(here, graph)
    return f"{kills} kills, {here.acknowledged} runs: each waited for its parents, none in vain"


def _graph(here: Scene, dice: Random) -> dict[str, str]:
    """Queue the graph; return its runs by their part in it."""

    def one(part: str, *options: str, code: int = 0, kind: str = "plain") -> str:
        seconds = round(dice.uniform(0.02, 0.2), 3)
        made = here.submit("-n", part, *options, seconds=seconds, code=code, kind=kind)
        ids[part] = made
        return made

    ids: dict[str, str] = {}
    sweep = here.put(*[run(dice.uniform(0, 0.1)) for _ in range(3)], name="sweep")
    one("steady")
    one("flaky", "--retry", "2:exit", "--backoff", "0.05s", code=3, kind="flaky")
    one("bad", "--retry", "1:exit", "--backoff", "0.05s", code=3)
    one("joined", "--after", ids["steady"], "--after", ids["flaky"], "--after", sweep)
    one("vain", "--after", ids["bad"], "--after", ids["steady"])
    one("below", "--after", ids["vain"])
    one("mended", "--after", f"{ids['bad']}:fail")
    one("last", "--after", f"{ids['joined']}:any", "--after", f"{ids['bad']}:any")
    return ids


def _check_graph(here: Scene, graph: dict[str, str]) -> None:
    jobs = {job["run_id"]: job for job in here.jobs()}
    states = {part: jobs[run_id]["state"] for part, run_id in graph.items()}
    wanted = dict.fromkeys(graph, "succeeded") | {
        "bad": "failed",
        "vain": "canceled",
        "below": "canceled",
    }
    require(states == wanted, f"the runs are {states}")
    never = {graph["vain"], graph["below"]} & set(here.started)
    require(not never, f"{never} started in vain")
    lines = here.witness.read_text("utf-8").splitlines()
    for child, parents in {
        "joined": ("steady", "flaky"),
        "mended": ("bad",),
        "last": ("joined", "bad"),
    }.items():
        start = next(at for at, line in enumerate(lines) if line.startswith(f"START {graph[child]} "))
        for parent in parents:
            end = max(at for at, line in enumerate(lines) if line.startswith(f"END {graph[parent]} "))
            require(end < start, f"{child} started before {parent} had ended for good")


def edit(here: Scene, dice: Random) -> str:
    """Waiting runs are edited while they are claimed; edits and daemons are killed at every step."""
    here.put(*[run(dice.uniform(0.3, 0.7)) for _ in range(_RUNS)])
    here.daemon(2)
    told: dict[str, int] = {}
    outcomes = {"changed": 0, "too late": 0, "killed": 0}
    while sum(outcomes.values()) < _EDITS and (waiting := _waiting(here)):
        run_id = dice.choice([waiting[0], *waiting])  # the next one most often: a daemon is about to claim it
        code = dice.randint(1, 9)
        is_killed = dice.random() < 0.5
        outcome = _edit(here, run_id, code, f"{dice.choice(_POINTS)}:1" if is_killed else None)
        outcomes[outcome] += 1
        if outcome == "changed":
            told[run_id] = code
        elif outcome == "killed":
            told.pop(run_id, None)  # the old code or the new one
        if sum(outcomes.values()) % 4 == 0:
            here.kill_daemon()
            here.daemon(2)
    here.until_over()
    here.expect_each_once()
    _check_edits(here, told)
    said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    return f"{said}: each run was the old one or the new one"


def _waiting(here: Scene) -> list[str]:
    """Return the runs that wait, the next one first."""
    return [str(job["run_id"]) for job in here.jobs() if job["state"] == "queued"]


def _edit(here: Scene, run_id: str, code: int, point: str | None) -> str:
    """Let a run end with another exit code; return what became of the command."""
    armed = {} if point is None else {"RUNFORGE_FAILPOINT": point}
    words = ("edit", run_id, "--set", f"code={code}", "--workspace", str(here.root))
    here.run(*words, expect=None, **armed)
    exit_code = here.commands[-1]["exit_code"]
    require(exit_code in {0, 1, -9}, f"edit gave {exit_code}")
    return {0: "changed", 1: "too late", -9: "killed"}[exit_code]


def _check_edits(here: Scene, told: dict[str, int]) -> None:
    """Require that each run ended as its journal and its file say, and as an acknowledged edit wanted."""
    said = here.run("jobs", "--json", "--limit", "100", "--workspace", str(here.root))
    for job in json.loads(said)["data"]:
        run_id = job["run_id"]
        wanted = job["overrides"]["model.hyperparameters.code"]
        require(
            told.get(run_id, wanted) == wanted,
            f"{run_id}: the edit to {told.get(run_id)} was told and is lost",
        )
        request: dict[str, Any] = json.loads(
            (here.root / ".runforge/runs" / run_id / "request.json").read_bytes()
        )
        written = request["model"]["hyperparameters"]["code"]
        ended = f"exit code {wanted}" if wanted else None
        seen = (job["error"] or "").partition(":")[0] or None
        require(
            (written, seen) == (wanted, ended),
            f"{run_id}: {wanted} is wanted, the file says {written}, it ended by {seen}",
        )
