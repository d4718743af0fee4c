"""`submit` as it is typed: what it prints, and what it queues."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runforge.store import edges
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.e2e.desk import Desk
from tests.e2e.test_commands import fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(ws: Workspace, tmp_path: Path) -> Desk:
    return Desk(ws, tmp_path / "desk")


def test_standard_output_is_the_id_and_the_rest_is_told_beside_it(desk: Desk) -> None:
    run = desk.submit("--", "python", "train.py", "--lr", "0.1")
    assert re.fullmatch(r"\d{8}-\d{6}-train-0001", run)
    lines = desk.told.splitlines()
    assert re.match(r"1 run, 1; environment [0-9a-f]{4} \(.*\d+ variables", lines[0])
    assert lines[1] == "command: python train.py --lr 0.1"
    assert lines[2] == "1 waits: no daemon is running; `runforge daemon --detach` starts one"
    group = desk.submit(
        "-n",
        "lm",
        "-S",
        "lr=1e-4,1e-3",
        "-S",
        "seed=1..5",
        "--metric",
        "val/loss:min",
        "--",
        *(
            "python",
            "train.py",
            "--lr",
            "{lr}",
            "--seed",
            "{seed}",
        ),
    )
    assert re.fullmatch(r"grp_\d{8}_\d{6}_lm", group)
    assert desk.told.startswith("10 runs, 2-11; environment ")
    assert "first command: python train.py --lr 0.0001 --seed 1\n" in desk.told
    assert desk.commands(group) == [{"lr": lr, "seed": seed} for lr in (1e-4, 1e-3) for seed in range(1, 6)]
    made = desk.group(group)
    assert (made.name, made.objective_metric, made.direction) == ("lm", "val/loss", "minimize")
    assert {job.name for job in desk.jobs(group)} == {"lm"}
    plan = json.loads((desk.ws.group_dir(group) / "plan.json").read_text())
    assert plan["strategy"]["type"] == "grid"


def test_every_option_reaches_the_request_and_the_journal(desk: Desk) -> None:
    parent = desk.submit("--", "true")
    run = desk.submit(
        *(
            *("-n", "my run", "--tag", "a", "--tag", "b", "--notes", "try", "-C", "..", "-e", "X=1"),
            *("-G", "2", "--cpus", "2", "--mem", "1.5G", "-g", "lm", "-p", "7", "--max-parallel", "4"),
            *(
                "-t",
                "1-00:00:00",
                "--grace",
                "30s",
                "--retry",
                "2",
                "--retry",
                "5:lost,timeout",
                "--backoff",
                "1m",
            ),
            *(
                "--after",
                "@last:any",
                "--hold",
                "--at",
                "+2h",
                "--metric",
                "loss",
                "--",
                "python",
                "-m",
                "http.server",
            ),
        )
    )
    request, job = desk.requests(run)[0], desk.jobs(run)[0]
    assert run.endswith("-my-run-0002")
    assert (job.name, json.loads(job.tags), job.notes) == ("my run", ["a", "b"], "try")
    assert request["model"]["folder"] == str(desk.folder.parent)
    assert request["model"]["command"] == ["python", "-m", "http.server"]
    assert request["device"]["type"] == "gpu"
    assert request["resources"] == {"cpus": 2, "gpus": 2, "mem_mb": 1536}
    assert (job.needs.cpus, job.needs.gpus, job.needs.mem_mb) == (2, 2, 1536)
    assert (request["timeout_seconds"], request["grace_seconds"]) == (86400, 30)
    assert [rule["times"] for rule in json.loads(job.retry_rules)] == [2, 5]
    assert json.loads(job.retry_rules)[1] == {
        "times": 5,
        "causes": ["lost", "timeout"],
        "backoff_seconds": 60,
    }
    assert request["objective"] == {"metric": "loss", "direction": "minimize"}
    assert (job.priority, job.held, job.blockers) == (7, True, 1)
    assert job.not_before is not None
    assert job.env_id == request["environment"]["id"]
    stored = json.loads(desk.ws.env_file(str(job.env_id)).read_text())["variables"]
    assert (stored["X"], stored["COLOUR"]) == ("1", "blue")
    group = desk.group(str(job.group_id))
    assert (group.name, group.run_limit, group.objective_metric) == ("lm", 4, "loss")
    with open_journal(desk.ws) as journal, journal.read() as tx:
        waits = [(p.id, p.condition) for p, _ in edges.of_job(tx, job.job_id)]
    assert waits == [(desk.jobs(parent)[0].job_id, "any")]


def test_a_group_is_joined_by_its_name_and_changes_only_where_it_is_said(desk: Desk) -> None:
    first = desk.submit("-g", "lm", "--max-parallel", "2", "--metric", "acc:max", "--", "true")
    assert "new group grp_" in desk.told
    group = str(desk.jobs(first)[0].group_id)
    assert desk.submit("-g", "lm", "-S", "n=1..2", "--", "echo", "{n}") == group
    assert (desk.group(group).run_limit, desk.group(group).objective_metric) == (2, "acc")
    desk.submit("-g", group, "--max-parallel", "1", "--metric", "loss:min", "--", "true")
    assert (desk.group(group).run_limit, desk.group(group).direction, desk.group(group).total) == (
        1,
        "minimize",
        4,
    )
    other = desk.submit("-g", "g", "--", "true")  # no beginning of an id: a group of its own
    assert desk.jobs(other)[0].group_id != group


def test_groups_of_the_same_name_at_the_same_time_are_one(desk: Desk) -> None:
    line = [sys.executable, "-m", "runforge", "submit", "-g", "lm", "--", "true"]
    many = [
        subprocess.Popen(
            line, cwd=desk.folder, env=desk.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(6)
    ]
    runs = [process.communicate(timeout=60)[0].decode().strip() for process in many]
    groups = {desk.jobs(run)[0].group_id for run in runs}
    assert len(groups) == 1
    assert {path.name for path in (desk.ws.hidden / "groups").iterdir()} == groups


@pytest.mark.parametrize(
    ("words", "stdin", "found"),
    [
        (["-S", "lr=1,2", "-S", "wd=3,4", "--zip", "lr,wd"], "", [{"lr": 1, "wd": 3}, {"lr": 2, "wd": 4}]),
        (["--from", "-"], "lr,wd\n1,a\n2,\n", [{"lr": 1, "wd": "a"}, {"lr": 2}]),
        (["--from", "-", "-S", "x=1..2"], '{"lr": [1]}\n', [{"lr": [1], "x": 1}, {"lr": [1], "x": 2}]),
        (["-S", "opt.lr=range(1,3)"], "", [{"opt": {"lr": 1}}, {"opt": {"lr": 2}}]),
        (["-S", "a=choice(x,y)"], "", [{"a": "x"}, {"a": "y"}]),
    ],
)
def test_sweeps_make_the_runs_that_they_say(
    desk: Desk, words: list[str], stdin: str, found: list[dict[str, Any]]
) -> None:
    assert desk.commands(desk.submit(*words, "--", "python", "train.py", "{args}", stdin=stdin)) == found


def test_a_family_of_models_is_submitted_by_its_request(desk: Desk) -> None:
    request = desk.ws.root / "request.json"
    group = desk.submit("--request", request, "-S", "C=0.1,1", "-S", "preset=fast,balanced", "-t", "1h")
    made = desk.requests(group)
    assert [(r["model"]["hyperparameters"]["C"], r["preset"]) for r in made] == [
        *((0.1, "fast"), (0.1, "balanced"), (1, "fast"), (1, "balanced")),
    ]
    assert {r["timeout_seconds"] for r in made} == {3600}
    assert all("environment" not in r for r in made)
    run = desk.submit("--request", "-", stdin=request.read_text())
    assert run.endswith("-logistic_regression-0005")


def test_a_program_may_read_its_parameters_from_a_file(desk: Desk) -> None:
    group = desk.submit("-S", "lr=1,2", "--params", "file", "--", "python", "train.py")
    assert desk.commands(group) == [{"lr": 1}, {"lr": 2}]


def test_json_has_the_runs_and_why_they_wait(desk: Desk) -> None:
    done = desk.type("submit", "-S", "lr=1,2", "--json", "--", "echo", "{lr}")
    document = json.loads(done.stdout)
    assert document["schema"] == "runforge.submit/1"
    data = document["data"]
    assert [(run["number"], run["command"]) for run in data["runs"]] == [
        (1, ["echo", "1"]),
        (2, ["echo", "2"]),
    ]
    assert [run["overrides"] for run in data["runs"]] == [{"model.hyperparameters.lr": n} for n in (1, 2)]
    assert data["group_id"] == desk.jobs(data["runs"][0]["run_id"])[0].group_id
    assert data["waiting"] == {"reason": "no_daemon", "text": "no daemon is running"}
    assert (data["dry_run"], data["is_new_group"], data["estimate"]) == (False, True, None)
    assert set(data["environment"]) == {"id", "variables", "not_kept", "lacking"}


def test_a_dry_run_prints_the_commands_and_changes_nothing(desk: Desk) -> None:
    before = fingerprint(desk.ws.root)
    words = ["submit", "--dry-run", "-S", "x=a b,c", "-g", "new", "--start", "--wait"]
    done = desk.type(*words, "--", "echo", "{x}")
    assert (done.returncode, done.stdout) == (0, "echo 'a b'\necho c\n")
    assert "2 runs would be queued; nothing was changed" in done.stderr
    assert json.loads(desk.type(*words, "--json", "--", "echo", "{x}").stdout)["data"]["dry_run"] is True
    assert desk.type(*words, "--after", "3", "--", "echo", "{x}").returncode == 1
    request = desk.type("submit", "--dry-run", "--request", desk.ws.root / "request.json", "-S", "C=0.1,1")
    assert request.stdout == "logistic_regression C=0.1\nlogistic_regression C=1\n"
    assert fingerprint(desk.ws.root) == before
