"""Commands as users and clients call them: what they print, what they refuse, how they exit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import samples
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def fingerprint(root: Path) -> dict[str, str]:
    """Every file below a folder, but for what SQLite and locks keep for themselves."""
    kept = (p for p in sorted(root.rglob("*")) if p.suffix not in {".db-shm", ".db-wal", ".lock"})
    return {
        str(p): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() and p.suffix != ".db" else ""
        for p in kept
    }


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("ERROR: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def write_plan(ws: Workspace, name: str = "p.json", **changes: Any) -> Path:
    path = ws.root / name
    path.write_bytes(samples.encode({**samples.plan(str(ws.root)), **changes}))
    return path


def base(**changes: Any) -> dict[str, Any]:
    return {"base_request": {**samples.request(), **changes}}


BAD_DATA = {
    "missing": (None, "data/none.csv", "label", 3, "data/none.csv"),
    "no_column": (b"a,b\n1,x\n2,y\n", "data/d.csv", "lable", 2, "the columns are a, b"),
    "one_class": (b"a,label\n1,x\n2,x\n", "data/d.csv", "label", 2, "one class"),
    "empty": (b"", "data/d.csv", "label", 2, "empty"),
    "ragged": (
        b"a,label\n" + b"1,x\n2,y\n" * 9 + b"3\n",
        "data/d.csv",
        "label",
        2,
        "line 20 has 1 cell, the header has 2",
    ),
    "quantity": (b"a,price\n1,0.5\n2,1.5\n", "data/d.csv", "price", 2, 'dataset.label_type "class"'),
    "header_only": (b"a,label\n", "data/d.csv", "label", 2, "no rows"),
    "binary": (bytes(range(128, 256)) * 40, "data/d.csv", "label", 2, "UTF-8"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_datasets_are_refused_and_nothing_changes(ws: Workspace, cli: Cli, case: str) -> None:
    data, path, label, code, words = BAD_DATA[case]
    if data is not None:
        (ws.root / path).write_bytes(data)
    plan = write_plan(ws, **base(dataset={"path": path, "label_column": label}))
    before = fingerprint(ws.root)
    refused(cli("enqueue-sweep", "--plan", plan, "--workspace", ws.root), code, words)
    assert fingerprint(ws.root) == before


def test_each_way_to_read_a_dataset_is_checked(ws: Workspace, cli: Cli) -> None:
    (ws.root / "data/d.csv").write_bytes(b"a,label\n1,0.5\n2,1.5\n1,0.5\n2,1.5\n")
    runs = [{"dataset.label_type": "class"}, {"dataset.separator": ","}]
    dataset = {"path": "data/d.csv", "label_column": "label"}
    plan = write_plan(ws, **base(dataset=dataset), strategy={"type": "list", "runs": runs})
    refused(cli("enqueue-sweep", "--plan", plan, "--workspace", ws.root), 2, "quantity")
    plan = write_plan(ws, **base(dataset=dataset), strategy={"type": "list", "runs": runs[:1]})
    assert cli("enqueue-sweep", "--plan", plan, "--workspace", ws.root).returncode == 0


def test_bad_plans_are_refused_with_exit_code_6(ws: Workspace, cli: Cli) -> None:
    bad = ws.root / "bad.json"
    bad.write_text("{")
    huge = write_plan(
        ws,
        "huge.json",
        strategy={
            "type": "grid",
            "parameters": [{"path": f"notes.{n}", "values": list(range(1000))} for n in "abc"],
        },
    )
    before = fingerprint(ws.root)
    refused(cli("enqueue-sweep", "--plan", bad, "--workspace", ws.root), 6, "bad.json", "not JSON")
    refused(
        cli("enqueue-sweep", "--plan", huge, "--workspace", ws.root), 6, "1000000000", "10000", "--max-runs"
    )
    refused(cli("sweep", "--plan", bad, "--workspace", ws.root), 6, "not JSON")
    refused(cli("enqueue-sweep", "--plan", ws.root / "none.json", "--workspace", ws.root), 3, "none.json")
    assert fingerprint(ws.root) == before


def test_bad_calls_are_refused(ws: Workspace, cli: Cli, tmp_path: Path) -> None:
    refused(cli("queue-status", "--workspace", tmp_path / "none"), 3, "workspace not found")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    refused(cli("pause-group", "--group-id", "x", "--workspace", fresh), 1, "nothing has been enqueued")
    assert list(fresh.iterdir()) == []
    refused(cli("daemon", "--workspace", ws.root, "--max-parallel", "0"), 2, "--max-parallel")
    refused(cli("daemon", "--workspace", ws.root, "--gpu-slots=-1"), 2, "--gpu-slots")
    refused(cli("enqueue-run", "--run-id", "../../etc", "--workspace", ws.root), 2, "run id")
    refused(cli("enqueue-run", "--run-id", "a/b", "--workspace", ws.root), 2, "run id")
    refused(cli("enqueue-run", "--run-id", "none", "--workspace", ws.root), 3, "run folder not found")
    refused(cli("run", "--workspace", ws.root), 2, "--request")
    refused(cli("queue-statu"), 2, "queue-status")
    refused(cli("pause-group", "--workspace", ws.root), 2, "--group-id")
    refused(cli("logs", "x" * 200, "--workspace", ws.root, "--nope"), 2, "--nope")


def test_hostile_names_reach_no_terminal(ws: Workspace, cli: Cli) -> None:
    cli("enqueue-sweep", "--plan", write_plan(ws))
    done = cli("pause-group", "--group-id", "x\x1b]52;c;UFdORUQ=\x07y", "--workspace", ws.root)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "\\x1b" in done.stderr


def test_a_run_is_queued_once(ws: Workspace, cli: Cli) -> None:
    folder = ws.run_dir("mine")
    folder.mkdir(parents=True)
    (folder / "request.json").write_bytes(samples.encode(samples.request()))
    first = cli("enqueue-run", "--run-id", "mine", "--workspace", ws.root)
    assert first.returncode == 0
    refused(cli("enqueue-run", "--run-id", "mine", "--workspace", ws.root), 1, "queued already")
    assert len(lists.jobs(ws)) == 1


def test_the_lines_that_clients_match(ws: Workspace, cli: Cli) -> None:
    plan = write_plan(ws)
    done = cli("enqueue-sweep", "--plan", plan)
    group = lists.groups(ws)[0].group_id
    assert f"[RF:GROUP=ENQUEUED {group} runs=14]" in done.stdout.splitlines()
    at = ("--group-id", group, "--workspace", ws.root)
    assert f"[RF:GROUP=PAUSED {group}]" in cli("pause-group", *at).stdout.splitlines()
    assert f"[RF:GROUP=RESUMED {group}]" in cli("resume-group", *at).stdout.splitlines()
    assert cli("retry-failed", *at).stdout.startswith("Re-enqueued 0 failed runs")
    assert cli("cancel-group", *at).stdout.startswith("Canceled 14 runs")
    assert cli("--version").stdout == "runforge 0.5.0\n"
    for module in ("runforge", "runforge_cli"):
        said = subprocess.run(
            [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True
        )
        assert said.stdout == "runforge 0.5.0\n"


def test_everything_that_shows_has_json(ws: Workspace, cli: Cli) -> None:
    write_plan(ws)
    cli("enqueue-sweep", "--plan", ws.root / "p.json")
    for arguments in (["queue-status"], ["groups"], ["jobs", "--limit", "2"], ["show", "@last"], ["doctor"]):
        said = json.loads(cli(*arguments, "--json", "--workspace", ws.root).stdout)
        assert said["schema"].startswith("runforge.")
        assert said["data"]


def test_a_dry_run_validates_and_touches_no_model(ws: Workspace, cli: Cli) -> None:
    done = cli("run", "--request", ws.root / "request.json", "--workspace", ws.root, "--dry-run")
    assert done.returncode == 0
    assert any(line.startswith("[DRY-RUN]") for line in done.stdout.splitlines())
    folder = next(ws.runs_dir.iterdir())
    result = json.loads((folder / "result.json").read_text())
    assert (result["status"], result["summary"], result["artifacts"]) == ("succeeded", None, [])
    assert not (folder / "artifacts").exists()


def test_a_run_folder_anywhere_is_run_and_keeps_earlier_results(
    ws: Workspace, cli: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "request.json").write_bytes(samples.encode({**samples.request(), "kept": True}))
    for _ in range(2):
        assert cli("run", "--run-dir", folder, "--workspace", ws.root, "--max-rows", "100").returncode == 0
    log = (folder / "logs.txt").read_text()
    assert "100 rows" in log
    assert (folder / "previous/1/result.json").is_file()
    assert json.loads((folder / "request.json").read_text())["kept"] is True
    assert (folder / "artifacts/model.pkl").stat().st_size > 0


def test_the_same_request_gives_the_same_metrics(ws: Workspace, cli: Cli) -> None:
    for _ in range(2):
        assert cli("run", "--request", ws.root / "request.json", "--workspace", ws.root).returncode == 0
    metrics = [path.read_bytes() for path in ws.runs_dir.glob("*/artifacts/metrics.json")]
    assert len(metrics) == 2
    assert metrics[0] == metrics[1]


def small_plan(ws: Workspace, **changes: Any) -> Path:
    code = "import sys; print('[RF:METRIC=loss', sys.argv[1] + ']'); sys.exit(int(sys.argv[2]))"
    model = {
        "family": "command",
        "command": [sys.executable, "-c", code, "{loss}", "{code}"],
        "hyperparameters": {"loss": 1.0, "code": 0},
    }
    runs = [{"model.hyperparameters.loss": loss} for loss in (0.5, 0.25, 0.75)]
    return write_plan(ws, **{**base(model=model), "strategy": {"type": "list", "runs": runs}, **changes})


def test_a_direct_sweep_prints_its_tokens_and_finds_the_lowest_loss(ws: Workspace, cli: Cli) -> None:
    done = cli("sweep", "--plan", small_plan(ws))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    group = lists.groups(ws)[0].group_id
    runs = [job.run_id for job in lists.jobs(ws)]
    assert lines[0] == f"[RF:GROUP=START {group} runs=3]"
    assert lines[-1] == f"[RF:GROUP=COMPLETE {group} succeeded=3 failed=0 canceled=0]"
    for number, run_id in enumerate(runs, start=1):
        assert f"[RF:GROUP=RUN {run_id} {number}/3]" in lines
        assert f"[RF:GROUP=RUN_DONE {run_id} status=succeeded]" in lines
    document = json.loads((ws.group_dir(group) / "group.json").read_text())
    assert document["summary"]["best_run_id"] == runs[1]


def test_a_direct_sweep_fails_fast(ws: Workspace, cli: Cli) -> None:
    runs = [{"model.hyperparameters.code": code} for code in (0, 3, 0, 0)]
    plan = small_plan(
        ws, strategy={"type": "list", "runs": runs}, execution={"max_parallel": 1, "fail_fast": True}
    )
    done = cli("sweep", "--plan", plan)
    assert done.returncode == 1
    assert "succeeded=1 failed=1 canceled=2]" in done.stdout
    assert [job.state for job in lists.jobs(ws)] == ["succeeded", "failed", "canceled", "canceled"]


def test_ctrl_c_cancels_a_direct_sweep(ws: Workspace) -> None:
    model = {"family": "command", "command": ["sleep", "60"]}
    plan = write_plan(ws, **base(model=model))
    process = subprocess.Popen(
        [sys.executable, "-m", "runforge", "sweep", "--plan", str(plan)], stdout=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(lists.jobs(ws, state="running")) == 2, "two are running")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 5
    assert f"[RF:GROUP=CANCELED {lists.groups(ws)[0].group_id}]" in said
    assert {job.state for job in lists.jobs(ws)} == {"canceled"}


def test_ctrl_c_lets_running_runs_finish_where_the_plan_says_so(ws: Workspace) -> None:
    model = {"family": "command", "command": ["sleep", "2"]}
    execution = {"max_parallel": 2, "stop_on_cancel": False}
    plan = write_plan(ws, **base(model=model), execution=execution)
    process = subprocess.Popen([sys.executable, "-m", "runforge", "sweep", "--plan", str(plan)])
    wait_until(lambda: len(lists.jobs(ws, state="running")) == 2, "two are running")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 5
    states = [job.state for job in lists.jobs(ws)]
    assert (states.count("succeeded"), states.count("canceled")) == (2, 12)


def test_a_run_that_joins_a_canceled_group_opens_it_again(ws: Workspace, cli: Cli) -> None:
    cli("enqueue-sweep", "--plan", write_plan(ws))
    cli("cancel-group", "--group-id", "@last", "--workspace", ws.root)
    folder = ws.run_dir("late")
    folder.mkdir()
    (folder / "request.json").write_bytes(samples.encode(samples.request()))
    cli("enqueue-run", "--run-id", "late", "--group-id", "@last", "--workspace", ws.root)
    assert lists.groups(ws)[0].status == "running"
    document = json.loads((ws.group_dir(lists.groups(ws)[0].group_id) / "group.json").read_text())
    assert document["execution"]["cancelled"] is False


def test_wait_and_logs(ws: Workspace, cli: Cli) -> None:
    assert cli("sweep", "--plan", small_plan(ws)).returncode == 0
    assert cli("wait", "--workspace", ws.root).returncode == 0
    said = cli("logs", "@last", "--workspace", ws.root).stdout
    assert "[RF:METRIC=loss 0.75]" in said


def test_output_to_a_closed_pipe_is_quiet(ws: Workspace) -> None:
    write_plan(ws)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "runforge", "queue-status", "--workspace", str(ws.root)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert done.stderr == ""


def test_doctor_is_content_with_a_fresh_workspace(ws: Workspace, cli: Cli) -> None:
    done = cli("doctor", "--workspace", ws.root)
    assert done.returncode == 0, done.stdout
    assert "SQLite" in done.stdout
