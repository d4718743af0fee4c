"""Drills of runs that wait for each other: the daemon is killed while a graph goes through."""

from __future__ import annotations

import time
from random import Random
from typing import Any, NamedTuple

from runforge.drills import witness
from runforge.drills.arena import require
from runforge.drills.scene import Scene

_RUNS = 10
_KILLS = 3


class _Node(NamedTuple):
    """A run of the graph: its exit code, and the runs that it waits for, each with a condition."""

    run_id: str
    code: int
    parents: list[tuple[int, str]]


def dependencies(here: Scene, dice: Random) -> str:
    """A graph of runs goes through with kills; a retry of what failed brings back what waited in vain."""
    graph: list[_Node] = []
    for number in range(_RUNS):
        above = dice.sample(range(number), min(number, dice.choice([0, 1, 1, 2])))
        parents = [(parent, dice.choice(["ok", "ok", "any", "fail"])) for parent in above]
        graph.append(_submit(here, graph, dice.choice([0, 0, 3]) if number else 3, parents, dice))
    expected = _expected(graph)
    _go_through(here, dice)
    _require_states(here, graph, expected, [1] * _RUNS)
    _require_order(here, graph)
    here.stop_daemon()
    failed = [node.run_id for node, state in zip(graph, expected, strict=True) if state == "failed"]
    here.run("retry", *failed, "--workspace", str(here.root))
    _go_through(here, dice)
    again = _come_back(graph, expected)
    _require_states(here, graph, expected, [2 if is_back else 1 for is_back in again])
    return f"{2 * _KILLS} kills, {_RUNS} runs in order; {sum(again)} came back by a retry"


def _submit(
    here: Scene, graph: list[_Node], code: int, parents: list[tuple[int, str]], dice: Random
) -> _Node:
    values = {"seconds": f"{dice.uniform(0, 0.2):.2f}", "code": str(code), "kind": "plain"}
    command = [
        part.format(**values) if part.startswith("{") else part for part in witness.command(here.witness)
    ]
    after = [f"--after={graph[parent].run_id}:{condition}" for parent, condition in parents]
    said = here.run("submit", "--workspace", str(here.root), *after, "--", *command)
    here.acknowledged += 1
    return _Node(said.strip(), code, parents)


def _go_through(here: Scene, dice: Random) -> None:
    for _ in range(_KILLS):
        here.daemon()
        time.sleep(dice.uniform(0, 0.3))
        here.kill_daemon()
    here.daemon()
    here.until_over()


def _expected(graph: list[_Node]) -> list[str]:
    """Return how each run ends: a run waits only for earlier ones."""
    states: list[str] = []
    for node in graph:
        wanted = {"ok": {"succeeded"}, "fail": {"failed"}, "any": {"succeeded", "failed"}}
        holds = all(states[parent] in wanted[condition] for parent, condition in node.parents)
        states.append(("failed" if node.code else "succeeded") if holds else "canceled")
    return states


def _come_back(graph: list[_Node], states: list[str]) -> list[bool]:
    """Return which runs a retry of all that failed brings back: what waits for no success or failure in vain."""
    back: list[bool] = []
    for node, state in zip(graph, states, strict=True):
        waits_for_success = any(
            condition == "fail" and states[parent] == "succeeded" for parent, condition in node.parents
        )
        stays = any(states[parent] == "canceled" and not back[parent] for parent, _ in node.parents)
        back.append(state == "failed" or (state == "canceled" and not waits_for_success and not stays))
    return back


def _require_states(here: Scene, graph: list[_Node], expected: list[str], attempts: list[int]) -> None:
    jobs: dict[str, dict[str, Any]] = {job["run_id"]: job for job in here.jobs()}
    seen = [(jobs[node.run_id]["state"], jobs[node.run_id]["attempt"]) for node in graph]
    wanted = list(zip(expected, attempts, strict=True))
    states = [state for state, _ in seen]
    require(states == expected, f"the runs are {states}, expected {expected}")
    # A launch that was interrupted before its start counts as one more attempt.
    require(all(one[1] >= other[1] for one, other in zip(seen, wanted, strict=True)), f"{seen}, not {wanted}")


def _require_order(here: Scene, graph: list[_Node]) -> None:
    """Require that no run has started before what it waits for had ended."""
    jobs: dict[str, dict[str, Any]] = {job["run_id"]: job for job in here.jobs()}
    for node in graph:
        started = jobs[node.run_id]["started_at"]
        for parent, _ in node.parents:
            ended = jobs[graph[parent].run_id]["finished_at"]
            require(
                started is None or started >= ended, f"{node.run_id} started before {graph[parent].run_id}"
            )
