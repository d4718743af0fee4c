"""Logs as they grow, waiting, and the demo."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runforge import workspace as workspaces
from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.queue import cancel, submit
from runforge.store import daemon_holder
from runforge.views import glance, lists
from runforge.workspace import Workspace
from tests.cli.conftest import group_of, plan_of
from tests.cli.terminal import Terminal
from tests.e2e.test_commands import Cli, refused

pytestmark = pytest.mark.slow


def test_wait_tells_the_best_run_and_the_exit_code(lived_in: Workspace, cli: Cli) -> None:
    place = ("--workspace", lived_in.root)
    group, runs = group_of(lived_in), [job.run_id for job in lists.jobs(lived_in)]
    done = cli("wait", *place)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{group} failed: 2 succeeded, 1 failed, 0 canceled",
        f"Best run: {runs[1]}, loss 0.2500",
    ]
    assert cli("wait", runs[0], *place).returncode == 0
    assert cli("wait", runs[2], *place).returncode == 1
    assert json.loads(cli("wait", group[:10], "--json", *place).stdout)["data"]["failed"] == 1


def test_wait_tells_a_canceled_group(waiting: Workspace, cli: Cli) -> None:
    cancel.cancel_group(waiting, group_of(waiting))
    assert cli("wait", "--workspace", waiting.root).returncode == 5


def test_wait_says_what_keeps_it_waiting_and_gives_up(waiting: Workspace, cli: Cli) -> None:
    done = cli("wait", "--timeout", "0.1", "--workspace", waiting.root)
    assert done.returncode == 1
    assert "No daemon is running" in done.stderr.splitlines()[0]
    assert "has not ended after 0.1 s" in done.stderr.splitlines()[1]


def test_wait_suggests_the_nearest_name(waiting: Workspace, cli: Cli) -> None:
    group = group_of(waiting)
    refused(cli("wait", group.replace("families", "familes"), "--workspace", waiting.root), 1, group)
    refused(cli("wait", "20", "--workspace", waiting.root), 1, "ambiguous")


def test_logs_of_a_direct_run_are_found(ws: Workspace, cli: Cli) -> None:
    place = ("--workspace", ws.root)
    assert cli("run", "--request", ws.root / "request.json", "--dry-run", *place).returncode == 0
    run_id = next(ws.runs_dir.iterdir()).name
    assert "[DRY-RUN]" in cli("logs", run_id, *place).stdout
    refused(cli("logs", "../" + run_id, *place), 1, "nothing has been enqueued")
    refused(cli("logs", run_id, "--attempt", "7", *place), 3, "previous/7")


def test_a_terminal_is_shown_the_log_harmless(lived_in: Workspace, cli: Cli) -> None:
    run = lists.jobs(lived_in)[0]
    log = lived_in.root / run.run_dir / "logs.txt"
    before = log.read_bytes()
    log.write_bytes(before + b"10%\r20%\rdone \xf0\x9f\x98\x80\x1b]0;title\x07\nlast \xc2\x9b2J")
    try:
        terminal = Terminal("logs", run.run_id, "--workspace", lived_in.root)
        assert terminal.end() == 0
        assert "\ndone 😀\\x1b]0;title\\x07\n" in terminal.text
        assert terminal.said.endswith(b"\r\n")
        assert b"\x1b]" not in terminal.said
        raw = cli("logs", run.run_id, "--workspace", lived_in.root).stdout
        assert "\x1b]0;title" in raw
    finally:
        log.write_bytes(before)


_COLOURS = b"\x1b[32mINFO\x1b[0m 1\r\x1b[1;38;5;8mred\nstill \x1b[8mhidden\x1b[2J\x1b[3"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "\x1b[1;38;5;8mred\n\x1b[0m{}\x1b[1;38;5;8mstill \\x1b[8mhidden\\x1b[2J\\x1b[3\n\x1b[0m"),
        ({"NO_COLOR": "1"}, "red\n{}still hidden\\x1b[2J\\x1b[3\n"),
    ],
    ids=["colours", "none"],
)
def test_a_terminal_is_shown_the_colours_of_the_log_and_has_its_own_again(
    ws: Workspace, environment: dict[str, str], expected: str
) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    ws.run_dir("r").mkdir()
    (ws.run_dir("r") / "logs.txt").write_bytes(_COLOURS)
    terminal = Terminal("logs", "r", "--workspace", ws.root, **environment)
    assert terminal.end() == 0
    # The unfinished line is drawn without colours, then taken back.
    drawn = "still hidden\\x1b[2J\\x1b[3\r\x1b[K"
    assert terminal.text == expected.format(drawn)
    done = subprocess.run(
        [sys.executable, "-m", "runforge", "logs", "r", "-w", str(ws.root)], capture_output=True, check=True
    )
    assert done.stdout == _COLOURS


def test_logs_follow_a_run_to_its_end(ws: Workspace, cli: Cli) -> None:
    code = "import time\nprint('first', flush=True)\ntime.sleep(0.7)\nprint('last', end='')"
    request = {**samples.request(), "model": {"family": "command", "command": [sys.executable, "-c", code]}}
    plan = {**samples.plan(str(ws.root)), "base_request": request}
    plan["strategy"] = {"type": "list", "runs": [{"tags": ["one"]}]}
    made = submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json")
    terminal = Terminal("logs", made.run_ids[0], "-f", "--workspace", ws.root)
    assert cli("daemon", "--detach", "--workspace", ws.root).returncode == 0
    try:
        terminal.until("first")
        assert terminal.end() == 0
        assert "last" in terminal.text
    finally:
        assert cli("stop-daemon", "--cancel-running", "--workspace", ws.root).returncode == 0


def test_the_demo_shows_the_best_runs_and_leaves_no_daemon(tmp_path: Path, cli: Cli) -> None:
    done = cli("demo", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert "14 runs succeeded" in done.stdout
    assert "the daemon is stopped" in done.stdout
    files = next(line for line in done.stdout.splitlines() if line.startswith("  files: "))
    assert (Path(files.removeprefix("  files: ")) / "artifacts/model.pkl").is_file()
    assert daemon_holder.holder(workspaces.at(tmp_path / "demo")) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stops_clean(tmp_path: Path, number: int) -> None:
    terminal = Terminal("demo", tmp_path / "demo")
    terminal.until("2 running")
    terminal.process.send_signal(number)
    assert terminal.end() == 5
    here = workspaces.at(tmp_path / "demo")
    assert daemon_holder.holder(here) is None
    assert [group.status for group in lists.groups(here)] == ["canceled"]
    assert glance.queue_summary(here).counts["running"] == 0


def test_the_demo_leaves_a_daemon_that_was_there(ws: Workspace, cli: Cli) -> None:
    (ws.root / "plan.json").write_bytes(plan_of(ws, [{"loss": 0.5}]))
    assert cli("daemon", "--detach", "--workspace", ws.root).returncode == 0
    try:
        done = cli("demo", ws.root)
        assert done.returncode == 0, done.stderr
        assert "already running" in done.stdout
        assert "the daemon keeps running" in done.stdout
        assert daemon_holder.holder(ws) is not None
    finally:
        assert cli("stop-daemon", "--workspace", ws.root).returncode == 0


def test_a_direct_sweep_says_that_it_was_a_dry_run(ws: Workspace, cli: Cli) -> None:
    done = cli("sweep", "--plan", ws.root / "plan.json", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("[DRY-RUN]") for line in done.stdout.splitlines())
    assert not list(ws.runs_dir.glob("*/artifacts"))


def print_and_sweep(cli: Cli, root: Path, lines: list[str]) -> Workspace:
    """A workspace in which each line was printed by a run of its own."""
    ws = make_workspace(root)
    model = {"family": "command", "command": ["printf", "%s\\n", "{line}"], "hyperparameters": {"line": ""}}
    plan = {
        **samples.plan(str(ws.root)),
        "base_request": {**samples.request(), "model": model},
        "strategy": {"type": "list", "runs": [{"model.hyperparameters.line": line} for line in lines]},
    }
    plan.pop("objective", None)
    (ws.root / "lines.json").write_bytes(samples.encode(plan))
    assert cli("sweep", "--plan", ws.root / "lines.json", "--workspace", ws.root).returncode == 0
    return ws


def test_a_run_that_diverged_is_not_best_and_says_so(tmp_path: Path, cli: Cli) -> None:
    lines = [f"[RF:METRIC=val_loss {value}]" for value in ("nan", "0.5", "0.25", "-inf")]
    ws = print_and_sweep(cli, tmp_path / "ws", lines)
    place = ("--workspace", ws.root)
    runs = [job.run_id for job in lists.jobs(ws)]
    assert cli("wait", *place).stdout.splitlines()[1] == f"Best run: {runs[2]}, val_loss 0.2500"
    shown = cli("show", runs[3], *place).stdout
    assert "Metric     val_loss diverged" in shown
    assert "Remark     it has diverged: the last value of val_loss is -Infinity" in shown
    assert cli("jobs", *place).stdout.count("diverged") == 2
    group = json.loads(next(ws.hidden.glob("groups/*/group.json")).read_text())
    assert group["summary"]["best_run_id"] == runs[2]
    assert [run["diverged"] for run in group["runs"]] == [True, False, False, True]


def test_what_is_nearly_a_metric_is_told_and_an_unknown_direction_claims_no_best(
    tmp_path: Path, cli: Cli
) -> None:
    ws = print_and_sweep(
        cli, tmp_path / "ws", ["[RF:METRIC=foo 0,5]\n[RF:METRIC=foo 1]", "[RF:METRIC=foo 2]"]
    )
    place = ("--workspace", ws.root)
    done = cli("wait", *place)
    assert "Best run" not in done.stdout
    assert "No run is called best: it is unknown whether foo is better high or low" in done.stderr
    run = lists.jobs(ws)[0].run_id
    told = "1 line looked like metrics and was not: first: [RF:METRIC=foo 0,5]"
    assert f"Remark     {told}" in cli("show", run, *place).stdout
    assert json.loads(cli("show", run, "--json", *place).stdout)["data"]["remarks"] == [told]
    assert cli("logs", run, *place).stdout.splitlines()[-2] == f"[RunForge: {told}]"
    assert (
        json.loads(next(ws.hidden.glob("groups/*/group.json")).read_text())["summary"]["best_run_id"] is None
    )
