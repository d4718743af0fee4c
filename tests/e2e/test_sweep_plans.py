"""Plan files with the newer strategies, read as the older client reads them: before, while and after they run."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge.daemon.sampling import FAKE_SAMPLER
from runforge.drills.plans import plan, request

pytestmark = pytest.mark.slow

#: What it knows of a group and of a run in it, and of a job; it ignores what it does not know.
GROUP = {
    "version": int,
    "kind": str,
    "group_id": str,
    "created_at": str,
    "created_by": str,
    "name": str,
    "notes": (str, type(None)),
    "plan_ref": str,
    "paused": bool,
    "status": str,
    "runs": list,
}
ENTRY = {"run_id": str, "request_overrides": dict, "status": str, "result_ref": (str, type(None))}
JOB = {
    "job_id": str,
    "kind": str,
    "run_id": str,
    "group_id": str,
    "priority": int,
    "state": str,
    "requires_gpu": bool,
    "attempt": int,
    "created_at": str,
    "cancel_requested": bool,
}
STATES = {"queued", "running", "succeeded", "failed", "canceled"}
STATUSES = {"running", "completed", "failed", "canceled"}
H = "model.hyperparameters"
SPACE = [{"path": f"{H}.x", "low": 1, "high": 99}]
LISTED = [{"path": f"{H}.x", "values": [3, 1, 2]}]
STRATEGIES: dict[str, tuple[dict[str, Any], int]] = {
    "random": ({"type": "random", "number": 4, "seed": 7, "parameters": SPACE}, 4),
    "tpe": ({"type": "tpe", "number": 4, "parameters": SPACE, "stop": "median", "keep": 2}, 4),
    "tpe-twice": ({"type": "tpe", "number": 2, "parameters": SPACE, "repeat": 2}, 4),
    "grid": ({"type": "grid", "parameters": LISTED, "repeat": 2, "stop": "asha:eta=3,min=5"}, 6),
    "list": ({"type": "list", "runs": [{f"{H}.x": 1}, {f"{H}.x": 2}], "stop": "target:1"}, 2),
}
SAMPLER = f"""
import json, sys
asked = json.load(sys.stdin)
found = [{{"{H}.x": (asked["seed"] + n) * 7 % 99 + 1}} for n in range(asked["count"])]
print(json.dumps({{"suggestions": found}}))
"""
SCRIPT = "import sys; print(f'[RF:METRIC=loss {sys.argv[1]}]')"


def has(document: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, kind in fields.items():
        assert isinstance(document[name], kind), (name, document[name])


def read_as_before(here: Arena, group_id: str) -> dict[str, Any]:
    """Read a group as the older client does; return it."""
    group = here.group(group_id)
    has(group, GROUP)
    assert (group["version"], group["kind"], group["plan_ref"]) == (1, "run_group", "plan.json")
    assert group["status"] in STATUSES
    summary = group["summary"]
    assert summary["total"] == len(group["runs"])
    for entry in group["runs"]:
        has(entry, ENTRY)
        assert entry["status"] in STATES
    for job in here.jobs(group_id):
        has(job, JOB)
        assert job["state"] in STATES
    return group


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_older_client_reads_its_group_as_before(here: Arena, name: str) -> None:
    strategy, count = STRATEGIES[name]
    sampler = here.root.parent / "sampler.py"
    sampler.write_text(SAMPLER)
    here.environment[FAKE_SAMPLER] = str(sampler)
    base = request(family="command", command=[sys.executable, "-S", "-c", SCRIPT, "{x}"], hyperparameters={})
    document = plan(here.root, base, strategy, name=name)
    document["objective"] = {"metric": "loss", "direction": "minimize"}
    group_id = here.enqueue(document, 0 if strategy["type"] == "tpe" else count)
    before = read_as_before(here, group_id)
    assert before["status"] == "running"
    assert len(before["runs"]) == (0 if strategy["type"] == "tpe" else count)
    kept = (here.root / ".runforge/groups" / group_id / "plan.json").read_bytes()
    assert json.loads(kept)["strategy"] == strategy
    here.daemon(2)

    def is_over() -> bool:
        return bool(read_as_before(here, group_id)["status"] == "completed")

    here.until(is_over, "the group is completed")
    group = read_as_before(here, group_id)
    assert len(group["runs"]) == count
    assert {entry["status"] for entry in group["runs"]} <= {"succeeded", "canceled"}
    best = min(entry["request_overrides"][f"{H}.x"] for entry in group["runs"])
    assert group["summary"]["best_primary_metric"] == {"name": "loss", "value": best}
    if "repeat" in strategy:
        assert [entry["request_overrides"]["repeat"] for entry in group["runs"]] == [1, 2] * (count // 2)
    here.finish()
