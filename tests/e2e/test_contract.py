"""Every exported file of a real session, field by field against the contract."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena, request

pytestmark = pytest.mark.slow

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STATES = {"queued", "running", "succeeded", "failed", "canceled"}
ARTIFACTS = {
    "model",
    "metrics",
    "feature_importance",
    "linear_coefficients",
    "encoder",
    "log",
    "checkpoint",
    "other",
}


def is_stamp(value: object) -> bool:
    return isinstance(value, str) and STAMP.fullmatch(value) is not None


def read(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8")
    assert text.startswith("{\n  "), f"{path} is not indented by two"
    return dict(json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in {path}")))


@pytest.fixture
def session(as_installed: None, here: Arena) -> Arena:  # noqa: ARG001
    """A session with every outcome: trained, failed, canceled, retried, single."""
    trained = here.sweep(3, name="trained", family="random_forest", hyperparameters={"n_estimators": 5})
    failing = [sys.executable, "-c", "print('[RF:METRIC=loss 0.5 step=1]'); raise SystemExit(2)"]
    failed = here.sweep(2, name="failing", family="command", command=failing, hyperparameters={})
    canceled = here.sweep(2, name="never")
    here.run("cancel-group", "--group-id", canceled, "--workspace", str(here.root))
    folder = here.root / ".ml/runs/older.client-run"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps({**request(), "later_field": 1}))
    here.run("enqueue-run", "--run-id", folder.name, "--workspace", str(here.root), "--priority", "3")
    here.daemon(2)
    here.until_ended(trained, "completed")
    here.until_ended(failed, "failed")
    here.until(lambda: all(j["state"] not in {"queued", "running"} for j in here.jobs()), "all have ended")
    here.stop_daemon()
    return here


def test_every_file_keeps_the_contract(session: Arena) -> None:
    check_queue(session)
    check_daemon(session)
    check_groups(session)
    check_runs(session)
    session.finish()


def check_queue(session: Arena) -> None:
    queue = read(session.root / ".runforge/queue/queue.json")
    assert (queue["version"], queue["kind"]) == (1, "execution_queue")
    assert (queue["max_parallel"], queue["gpu_slots"]) == (2, 1)
    assert queue["last_served_group"] is None or isinstance(queue["last_served_group"], str)
    assert len(queue["jobs"]) == 8
    assert [j["created_at"] for j in queue["jobs"]] == sorted(j["created_at"] for j in queue["jobs"])
    for job in queue["jobs"]:
        assert re.fullmatch(r"job_\d{8}_\d{6}_\d{4,}", job["job_id"])
        assert job["kind"] == "run"
        assert job["state"] in STATES
        assert isinstance(job["run_id"], str)
        assert job["group_id"] is None or job["group_id"].startswith("grp_")
        assert type(job["priority"]) is int
        assert type(job["attempt"]) is int
        assert type(job["requires_gpu"]) is bool
        assert is_stamp(job["created_at"])
        assert (job["started_at"] is None) == (job["state"] == "canceled")
        assert is_stamp(job["finished_at"])
        assert (job["error"] is None) == (job["state"] == "succeeded")


def check_daemon(session: Arena) -> None:
    daemon = read(session.root / ".runforge/queue/daemon.json")
    assert daemon["version"] == 1
    assert daemon["pid"] == session.daemons[0].pid
    assert is_stamp(daemon["started_at"])
    assert is_stamp(daemon["last_heartbeat"])
    assert (daemon["max_parallel"], daemon["gpu_slots"]) == (2, 1)
    assert daemon["gpu_problem"] is None
    assert (daemon["active_jobs"], daemon["active_gpu_jobs"], daemon["state"]) == (0, 0, "stopped")


def check_groups(session: Arena) -> None:
    statuses = {}
    for folder in (session.root / ".runforge/groups").iterdir():
        group = read(folder / "group.json")
        statuses[group["name"]] = group["status"]
        assert (group["version"], group["kind"], group["group_id"]) == (1, "run_group", folder.name)
        assert re.fullmatch(r"grp_\d{8}_\d{6}_[A-Za-z0-9_]{1,}", folder.name)
        assert group["created_by"].startswith("runforge@")
        assert group["plan_ref"] == "plan.json"
        plan = (session.root.parent / f"plan-{group['name']}.json").read_bytes()
        assert (folder / "plan.json").read_bytes() == plan
        assert (group["paused"], group["notes"]) == (False, None)
        execution = group["execution"]
        assert execution["max_parallel"] == 2
        assert is_stamp(execution["started_at"])
        assert is_stamp(execution["finished_at"])
        assert execution["cancelled"] is (group["name"] == "never")
        summary = group["summary"]
        assert summary["total"] == len(group["runs"])
        assert summary["total"] == sum(summary[s] for s in ("succeeded", "failed", "canceled"))
        check_entries(session, group)
    assert statuses == {"trained": "completed", "failing": "failed", "never": "canceled"}


def check_entries(session: Arena, group: dict[str, Any]) -> None:
    best = group["summary"]["best_run_id"]
    for entry in group["runs"]:
        assert re.fullmatch(r"\d{8}-\d{6}-sweep-\d{4,}", entry["run_id"])
        assert entry["status"] in STATES
        assert len(entry["request_overrides"]) == 1
        if entry["status"] != "canceled":
            assert (session.root / entry["result_ref"]).is_file()
        else:
            assert entry["result_ref"] is None
    if group["name"] == "trained":
        values = {e["run_id"]: e["primary_metric"]["value"] for e in group["runs"]}
        assert values[best] == max(values.values())
        assert group["summary"]["best_primary_metric"] == {"name": "accuracy", "value": values[best]}
    else:
        assert best is None


def check_runs(session: Arena) -> None:
    for job in session.jobs():
        if job["state"] == "canceled":
            continue
        parent = ".ml" if job["run_id"] == "older.client-run" else ".runforge"
        folder = session.root / parent / "runs" / job["run_id"]
        result = read(folder / "result.json")
        assert result["version"] == 1
        assert result["status"] == job["state"]
        assert type(result["duration_ms"]) is int
        assert is_stamp(result["started_at"])
        assert is_stamp(result["finished_at"])
        config = result["effective_config"]
        assert config["device"]["type"] == "cpu"
        assert {"preset", "model", "device", "dataset"} <= config.keys()
        assert {"path", "label_column"} <= config["dataset"].keys()
        for artifact in result["artifacts"]:
            assert artifact["type"] in ARTIFACTS
            assert (folder / artifact["path"]).stat().st_size == artifact["bytes"]
        check_outcome(folder, job, result)


def check_outcome(folder: Path, job: dict[str, Any], result: dict[str, Any]) -> None:
    log = (folder / "logs.txt").read_text().splitlines()
    assert log[-1] == f"[RF:STAGE={'FAILED' if job['state'] == 'failed' else 'COMPLETED'}]"
    assert any(line.startswith("[RF:DEVICE=CPU") for line in log)
    if job["state"] == "failed":
        assert result["error"]["message"] == job["error"] == "exit code 2"
        assert result["summary"]["primary_metric"] == {"name": "loss", "value": 0.5}
    if result["effective_config"]["model"]["family"] == "random_forest":
        assert "[RF:EPOCH=5/5]" in log
        types = {a["type"] for a in result["artifacts"]}
        assert types == {"model", "metrics", "encoder", "feature_importance"}
        assert set(result["summary"]["metrics"]) >= {"accuracy", "precision", "recall", "f1_score"}
        points = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert {p["step"] for p in points} == {1, 2, 3, 4, 5}
