"""`submit` as it is typed: what it prints, what it queues, what it refuses, and what then runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge.core.records import Group, Job
from runforge.store import edges, records
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.e2e.test_commands import fingerprint

pytestmark = pytest.mark.slow

#: Prints what it was given, so that its log tells.
_SCRIPT = """
import json, os, sys
print(json.dumps({"args": sys.argv[1:], "cwd": os.getcwd(), "env": os.environ.get("COLOUR"),
                  "params": json.load(open(os.environ["RUNFORGE_PARAMS"]))}), flush=True)
sys.exit(int(os.environ.get("CODE", "0")))
"""


class Desk:
    """A person's folder outside of the workspace, with a script and a shell to type in."""

    def __init__(self, ws: Workspace, folder: Path) -> None:
        self.ws, self.folder = ws, folder
        folder.mkdir()
        (folder / "train.py").write_text(_SCRIPT)
        self.environment = {**os.environ, "RUNFORGE_WORKSPACE": str(ws.root), "COLOUR": "blue"}
        self.environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])

    def type(self, *words: object, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Type a command of `runforge` here."""
        return subprocess.run(
            [sys.executable, "-m", "runforge", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.folder,
            env={**self.environment, **more},
            input=stdin,
        )

    def submit(self, *words: object, stdin: str = "", expect: int = 0, **more: str) -> str:
        """Submit, and return what stands on standard output: the id, alone."""
        done = self.type("submit", *words, stdin=stdin, **more)
        assert done.returncode == expect, done.stderr
        self.told = done.stderr
        assert done.stdout.count("\n") == 1, done.stdout
        return done.stdout.strip()

    def jobs(self, name: str) -> list[Job]:
        """Return the job of a run, or those of a group."""
        with open_journal(self.ws) as journal, journal.read() as tx:
            row = tx.row("jobs.by_run_id", run_id=name)
            rows = tx.rows("jobs.of_group", group_id=name) if row is None else [row]
            return [records.job(found) for found in rows]

    def group(self, name: str) -> Group:
        """Return a group."""
        with open_journal(self.ws) as journal, journal.read() as tx:
            return records.group(tx.row("groups.by_id", group_id=name))

    def requests(self, name: str) -> list[dict[str, Any]]:
        """Return the requests of a run or of a group's runs."""
        folders = [self.ws.root / job.run_dir for job in self.jobs(name)]
        return [json.loads((folder / "request.json").read_text()) for folder in folders]

    def commands(self, name: str) -> list[dict[str, Any]]:
        """Return what the runs of a sweep were given."""
        return [request["model"]["hyperparameters"] for request in self.requests(name)]

    def said(self, run: Job) -> dict[str, Any]:
        """Return what the script of a run has printed."""
        lines = (self.ws.root / run.run_dir / "logs.txt").read_text().splitlines()
        found: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
        return found


@pytest.fixture
def desk(ws: Workspace, tmp_path: Path) -> Desk:
    return Desk(ws, tmp_path / "desk")


@pytest.fixture
def working(desk: Desk) -> Iterator[Desk]:
    """A desk with a daemon."""
    assert desk.type("daemon", "--detach", "--max-parallel", 4).returncode == 0
    yield desk
    desk.type("stop-daemon", "--cancel-running")


# --- what is queued ---------------------------------------------------------------------------------


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


# --- what is refused --------------------------------------------------------------------------------

_REFUSED: list[tuple[int, list[str], str]] = [
    (2, [], "no command is given. Write it after `--`"),
    (2, ["--"], "no command is given"),
    (2, ["--", "python train.py"], "Did you mean --shell?"),
    (2, ["--", "FOO=1", "python", "train.py"], "Did you mean -e FOO=1?"),
    (2, ["--shell", "--", "echo", "a"], "--shell takes one line"),
    (2, ["-S", "lr=1,2", "--", "python", "train.py", "--lr", "{rl}"], "Did you mean 'rl'?"),
    (2, ["-S", "lr=1,2", "--", "python", "train.py"], "does not name {lr}"),
    (2, ["-S", "lr=1,2", "--shell", "--", "python train.py"], "does not name {lr}"),
    (
        2,
        ["-S", "learning_rate=1", "--", "echo", "{learning_rate}", "{learning_rat}"],
        "Did you mean 'learning_rate'?",
    ),
    (2, ["-S", "lr_rate=1", "--shell", "--", "echo {lr_rate} {lr_rat}"], "Did you mean 'lr_rate'?"),
    (2, ["--", "echo", "{lr}"], "nothing fills {lr} in the command. Add -S lr=VALUES"),
    (2, ["-S", "lr=null,1", "--", "echo", "{lr}"], "is null"),
    (2, ["-S", "lr", "--", "echo", "{lr}"], "there is no `=`"),
    (2, ["-S", "=1", "--", "echo", "{lr}"], "is no parameter's name"),
    (2, ["-S", "lr=1e-5..1e-1:log", "--", "echo", "{lr}"], "needs --random or --tpe"),
    (2, ["-S", "lr=1", "-S", "lr=2", "--", "echo", "{lr}"], "varied twice"),
    (2, ["-S", "a=1,2", "-S", "b=1", "--zip", "a,b", "--", "echo", "{a}{b}"], "a has 2, b has 1"),
    (2, ["--zip", "a,b", "--", "echo"], "'a' is not given by -S"),
    (6, ["-S", "n=1..99999999999", "--", "echo", "{n}"], "the limit is 10,000"),
    (6, ["-S", "n=1..3", "--max-runs", "2", "--", "echo", "{n}"], "--max-runs 3"),
    (2, ["-S", "api_key=a,b", "--", "echo", "{api_key}"], "looks like a secret"),
    (2, ["--notes", "https://me:pass@x.y", "--", "true"], "notes looks like a secret"),
    (2, ["-e", "API_KEY=x", "--", "true"], "looks like a secret"),
    (2, ["-e", "X", "--", "true"], "is not NAME=value"),
    (3, ["--", "no-such-program"], "program not found"),
    (3, ["--", "./no-such-program"], "program not found"),
    (3, ["-C", "/no/such", "--", "true"], "there is no folder /no/such"),
    (3, ["--from", "none.csv", "--", "echo", "{a}"], "file not found"),
    (3, ["--request", "none.json"], "request not found"),
    (3, ["--env-from", "none.env", "--", "true"], "is missing"),
    (2, ["--request", "x.json", "--", "true"], "Give one of the two"),
    (2, ["--params", "env", "--", "true"], "Write --params file"),
    (2, ["--max-parallel", "2", "--", "true"], "Add -g GROUP"),
    (2, ["--backoff", "1s", "--", "true"], "Add --retry N"),
    (2, ["--follow", "-S", "a=1", "--", "echo", "{a}"], "Use --wait for a sweep"),
    (2, ["--retry", "0", "--", "true"], "no number from 1"),
    (2, ["--retry", "2:exti", "--", "true"], "Did you mean 'exit'?"),
    (2, ["-t", "0s", "--", "true"], "more than 0"),
    (2, ["-t", "90", "--", "true"], "is not a valid time"),
    (2, ["--grace", "2h", "--", "true"], "at most 1h"),
    (2, ["--mem", "10", "--", "true"], "Write 800M or 10G"),
    (2, ["--at", "yesterday", "--", "true"], "is no time"),
    (2, ["--at", "2020-01-01T00:00", "--", "true"], "is in the past"),
    (2, ["--metric", "blurb", "--", "true"], "blurb:min"),
    (2, ["-g", " ", "--", "true"], "-g is empty"),
    (1, ["--after", "99", "--", "true"], "99"),
    (2, ["--after", "1:succes", "--", "true"], "no way to end"),
    (1, ["-g", "grp_20200101_000000_x", "--", "true"], "no group"),
    (2, ["-G", "-1", "--", "true"], "--gpus"),
    (1, ["--cpus", "65000", "--", "true"], "could never start: it asks for 65000 CPUs"),
    (1, ["--mem", "900T", "--", "true"], "could never start: it asks for"),
    (2, ["--random", "3", "--", "true"], "--random"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk whose queue has one run and is not to be changed."""
    from runforge.cli.setup import make_workspace

    folder = tmp_path_factory.mktemp("refused")
    made = Desk(make_workspace(folder / "ws"), folder / "desk")
    made.submit("--", "true")
    return made


@pytest.mark.parametrize(
    ("code", "words", "said"),
    _REFUSED,
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    shared: Desk, code: int, words: list[str], said: str
) -> None:
    before = fingerprint(shared.ws.root)
    done = shared.type("submit", *words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("ERROR: ")
    assert done.stderr.count("\n") == 1
    assert fingerprint(shared.ws.root) == before


def test_outside_of_a_workspace_it_says_in_one_line_how_to_make_one(desk: Desk) -> None:
    done = desk.type("submit", "--", "true", RUNFORGE_WORKSPACE="")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "`runforge init --bare`" in done.stderr
    made = desk.type("init", "--bare")
    assert made.returncode == 0
    assert sorted(path.name for path in desk.folder.iterdir()) == [".runforge", "train.py"]
    assert (desk.folder / ".runforge" / ".gitignore").read_text() == "*\n"
    assert desk.type("submit", "--", "true", RUNFORGE_WORKSPACE="").returncode == 0


def test_init_in_a_folder_with_files_makes_only_the_queue_and_says_so(desk: Desk) -> None:
    made = desk.type("init")
    assert "the folder is not empty, so it got no samples" in made.stdout
    assert "runforge submit -- " in made.stdout
    assert sorted(path.name for path in desk.folder.iterdir()) == [".runforge", "train.py"]


def test_a_run_does_not_wait_for_its_own_group_or_for_what_has_failed(desk: Desk) -> None:
    desk.submit("-g", "lm", "--", "true")
    circle = desk.type("submit", "-g", "lm", "--after", "lm", "--", "true")
    assert circle.returncode == 2
    assert "cannot wait for" in circle.stderr
    desk.type("cancel-run", "@last")
    before = sorted(desk.ws.runs_dir.iterdir())
    late = desk.type("submit", "--after", "1", "--", "true")
    assert (late.returncode, late.stdout) == (1, "")
    assert "already" in late.stderr
    both = desk.type("submit", "--after", "1:ok", "--after", "1:fail", "--", "true")
    assert both.returncode == 2
    assert sorted(desk.ws.runs_dir.iterdir()) == before


# --- what runs --------------------------------------------------------------------------------------


def test_runs_get_folder_environment_and_values_as_typed(working: Desk) -> None:
    plain = working.submit("-e", "COLOUR=red", "--wait", "--", "python", "train.py", "--lr", "0.1")
    said = working.said(working.jobs(plain)[0])
    assert (said["args"], said["cwd"], said["env"]) == (["--lr", "0.1"], str(working.folder), "red")
    values = ["-S", "a='x y',$HOME", "-S", "b=1"]
    by_name = working.submit(*values, "--wait", "--", "python", "train.py", "{a}", "--b={b}")
    assert [working.said(job)["args"] for job in working.jobs(by_name)] == [
        ["x y", "--b=1"],
        ["$HOME", "--b=1"],
    ]
    for form, first in (("{args}", ["--a=x y", "--b=1"]), ("{args:hydra}", ["a='x y'", "b=1"])):
        group = working.submit(*values, "--wait", "--", "python", "train.py", form)
        assert working.said(working.jobs(group)[0])["args"] == first
        assert working.said(working.jobs(group)[0])["params"] == {"a": "x y", "b": 1}
    line = "python train.py {a} | cat; echo >&2"
    shell = working.submit(*values[:2], "--wait", "--shell", "--", line)
    assert [working.said(job)["args"] for job in working.jobs(shell)] == [["x y"], ["$HOME"]]
    source = working.folder / "secrets.env"
    source.write_text("COLOUR=green\n")
    kept = working.submit("--env-from", source, "--wait", "--", "python", "train.py")
    assert working.said(working.jobs(kept)[0])["env"] == "green"


def test_wait_and_follow_end_as_the_run_did(working: Desk) -> None:
    failed = working.type("submit", "--wait", "--", "python", "train.py", CODE="3")
    assert failed.returncode == 1
    assert failed.stdout.count("\n") == 1
    assert f"{failed.stdout.strip()} failed" in failed.stderr
    followed = working.type("submit", "--follow", "--shell", "--", "echo one; sleep 0.1; echo two")
    assert followed.returncode == 0
    lines = followed.stdout.splitlines()
    assert re.fullmatch(r"\d{8}-\d{6}-\S+", lines[0])
    assert [line for line in lines[1:] if not line.startswith("[RF:")] == ["one", "two"]
    sweep = working.type("submit", "--wait", "-S", "n=0,1", "--shell", "--", "exit {n}")
    assert sweep.returncode == 1
    assert re.fullmatch(r"grp_\S+\n", sweep.stdout)


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_cancel_it(working: Desk) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "runforge", "submit", "--follow", "--shell", "--", "echo up; exec sleep 60"],
        cwd=working.folder,
        env=working.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run = process.stdout.readline().strip()
    assert "up\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 5
    assert f"`runforge cancel {run}` cancels it" in told
    assert working.jobs(run)[0].state == "running"


def test_gates_open_and_limits_hold(working: Desk) -> None:
    first = working.submit("--shell", "--", "sleep 0.3; echo done > first")
    group = working.submit(
        "-g", "pair", "-S", "n=1..2", "--after", first, "--shell", "--", "cat first; echo {n}"
    )
    last = working.submit("--after", "pair", "--after", f"{first}:any", "--", "cat", "first")
    stopped = working.submit("-t", "0.3s", "--", "sleep", "60")
    cleanup = working.submit("--after", f"{stopped}:fail", "--", "true")
    held = working.submit("--hold", "--", "true")
    later = working.submit("--at", "+1h", "--", "true")
    assert working.type("wait", last).returncode == 0
    assert working.type("wait", cleanup).returncode == 0
    assert [job.state for job in working.jobs(group)] == ["succeeded", "succeeded"]
    assert working.jobs(stopped)[0].cause == "timeout"
    assert [working.jobs(run)[0].state for run in (held, later)] == ["queued", "queued"]


def test_a_failure_is_tried_again_as_it_was_asked(working: Desk) -> None:
    line = '[ "$RUNFORGE_ATTEMPT" = 2 ]'
    run = working.submit("--retry", "2:exit", "--backoff", "0s", "--wait", "--shell", "--", line)
    job = working.jobs(run)[0]
    assert (job.state, job.attempt) == ("succeeded", 2)


def test_start_starts_a_daemon_and_nothing_else_does(desk: Desk) -> None:
    run = desk.submit("--", "true")
    assert "`runforge daemon --detach` starts one" in desk.told
    assert desk.jobs(run)[0].state == "queued"
    try:
        desk.submit("--start", "--wait", "--", "true")
        assert "Daemon is up, pid " in desk.told
        wait_until(lambda: desk.jobs(run)[0].state == "succeeded", "the first run is done too")
        desk.submit("--start", "--", "true")
        assert "Daemon is up" not in desk.told
    finally:
        desk.type("stop-daemon")
