"""What people see: tables that fit, colour and symbols, hostile text, JSON, redrawing."""

from __future__ import annotations

import json
import os
import re
import signal
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from bench import big
from runforge import clock
from runforge.cli import output
from runforge.queue import cancel, submit
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.cli.conftest import HOSTILE, group_of, plan_of
from tests.cli.terminal import Terminal, shown
from tests.conftest import wait_until
from tests.e2e.test_commands import Cli

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("columns", [120, 80, 60, 40])
@pytest.mark.parametrize("command", ["jobs", "groups"])
def test_tables_fit_the_terminal(lived_in: Workspace, command: str, columns: int) -> None:
    for line in shown(lived_in.root, command, columns=columns, NO_COLOR="1"):
        assert output.columns(line) <= columns


def test_the_number_comes_first_and_then_the_short_form_of_the_id(lived_in: Workspace) -> None:
    lines = shown(lived_in.root, "jobs", columns=60, NO_COLOR="1")
    expected = [[str(job.number), job.run_id[-10:]] for job in lists.jobs(lived_in)]
    assert [line.split()[:2] for line in lines[1:]] == expected
    assert expected[0] == ["1", "sweep-0001"]


def test_a_pipe_gets_everything_and_no_colour(lived_in: Workspace, cli: Cli) -> None:
    said = cli("jobs", "--workspace", lived_in.root, COLUMNS="40").stdout
    assert all(job.run_id in said for job in lists.jobs(lived_in))
    assert "y" * 80 in said
    assert "\x1b" not in said


def test_colour_is_for_terminals_and_never_alone(lived_in: Workspace) -> None:
    failed = next(line for line in shown(lived_in.root, "jobs") if "failed" in line)
    assert failed.startswith("\x1b[31m")
    assert "✗ failed" in failed
    for plain in ({"NO_COLOR": "1"}, {"CLICOLOR": "0"}, {"TERM": "dumb"}):
        assert "\x1b" not in "".join(shown(lived_in.root, "jobs", **plain))


@pytest.mark.parametrize("arguments", [["jobs"], ["show", "job_"], ["groups"], ["queue-status"]])
def test_hostile_names_are_shown_and_not_obeyed(lived_in: Workspace, cli: Cli, arguments: list[str]) -> None:
    first = lists.jobs(lived_in)[0]
    words = [first.run_id if word == "job_" else word for word in arguments]
    said = cli(*words, "--workspace", lived_in.root).stdout
    assert "\x1b" not in said
    assert "\x07" not in said
    if arguments[0] in {"jobs", "show"}:
        assert "\\x1b]52" in said


@pytest.mark.parametrize("arguments", [["queue-status"], ["groups"], ["jobs"], ["show", "@last"]])
def test_json_is_ascii_and_keeps_what_was_stored(lived_in: Workspace, cli: Cli, arguments: list[str]) -> None:
    said = cli(*arguments, "--json", "--workspace", lived_in.root).stdout
    assert said.isascii()
    assert json.loads(said)["schema"].endswith("/1")
    if arguments == ["jobs"]:
        overrides = json.loads(said)["data"][0]["overrides"]
        assert overrides["model.hyperparameters.name"] == HOSTILE


def test_jobs_are_found_by_group_state_and_limit(lived_in: Workspace, cli: Cli) -> None:
    def found(*arguments: str) -> int:
        said = cli("jobs", "--json", *arguments, "--workspace", lived_in.root).stdout
        return len(json.loads(said)["data"])

    assert found() == 3
    assert found("--state", "failed") == 1
    assert found("--group", "@last", "--limit", "2") == 2
    assert found("--group", group_of(lived_in)[:8], "--state", "queued") == 0


def test_jobs_are_found_by_their_tag(waiting: Workspace, cli: Cli) -> None:
    with open_journal(waiting) as journal, journal.write():
        for number, tags in ((2, '["a b", "night"]'), (5, '["night"]')):
            journal.connection.execute("UPDATE jobs SET tags = ? WHERE seq = ?", (tags, number))

    def found(*arguments: str) -> list[int]:
        said = cli("jobs", "--json", *arguments, "--workspace", waiting.root).stdout
        return [job["number"] for job in json.loads(said)["data"]]

    assert found("--tag", "night") == [2, 5]
    assert found("--tag", "a b") == [2]
    assert found("--tag", "night", "--limit", "1") == [2]
    assert found("3-9", "--tag", "night") == [5]
    assert found("--tag", "nig") == []
    assert "#a b #night" in cli("jobs", "--workspace", waiting.root).stdout


def test_the_status_tells_why_runs_wait(waiting: Workspace, cli: Cli) -> None:
    said = cli("queue-status", "--workspace", waiting.root).stdout
    assert said.startswith("Daemon   stopped; `runforge daemon --detach` starts one\n")
    assert "14 queued, 0 running" in said
    assert "no daemon is running" in said
    cli("pause-group", "--group-id", "@last", "--workspace", waiting.root)
    assert "paused" in cli("queue-status", "--workspace", waiting.root).stdout


def test_a_glance_shows_twenty_groups_and_how_many_more_there_are(waiting: Workspace, cli: Cli) -> None:
    for number in range(24):
        submit.enqueue_sweep(waiting, plan_of(waiting, [{"name": f"n{number}"}]), where="plan.json")
    cancel.cancel_group(waiting, lists.groups(waiting)[3].group_id)
    said = cli("queue-status", "--workspace", waiting.root).stdout
    assert said.count("\ngrp_") == 20
    assert "4 more groups open, 1 group ended; `runforge groups` lists them" in said
    data = json.loads(cli("queue-status", "--json", "--workspace", waiting.root).stdout)["data"]
    assert (data["groups_open"], data["groups_total"], len(data["groups"])) == (24, 25, 21)


def test_watching_redraws_a_terminal_until_ctrl_c(waiting: Workspace) -> None:
    terminal = Terminal("queue-status", "--watch", "--workspace", waiting.root)
    terminal.until("14 queued")
    terminal.until("\x1b[H\x1b[2J")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 5
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize(
    ("text", "width", "keep_end", "expected"),
    [
        ("short", 5, False, "short"),
        ("longer", 5, False, "long…"),
        ("longer", 5, True, "…nger"),
        ("日本語", 6, False, "日本語"),
        ("日本語", 5, False, "日本…"),
        ("日本語", 4, True, "…語"),
    ],
)
def test_cutting_counts_columns(
    monkeypatch: pytest.MonkeyPatch, text: str, width: int, keep_end: bool, expected: str
) -> None:
    monkeypatch.setattr(output, "is_unicode", lambda: True)
    assert output.cut(text, width, keep_end=keep_end) == expected
    assert output.columns(expected) <= width


def test_jobs_shows_the_newest_of_very_many_and_says_so(tmp_path: Path, cli: Cli) -> None:
    here = big.make(tmp_path / "ws", 260, 2)
    done = cli("jobs", "--workspace", here.root)
    rows = [line for line in done.stdout.splitlines() if "sweep-" in line]
    assert (len(rows), "sweep-0260" in rows[-1]) == (200, True)
    assert "60 older jobs are not shown" in done.stderr
    assert len(json.loads(cli("jobs", "--json", "--workspace", here.root).stdout)["data"]) == 260
    assert "sweep-0001" in cli("jobs", "--limit", "5", "--workspace", here.root).stdout


def test_a_run_tells_its_times_where_the_reader_is(lived_in: Workspace, cli: Cli) -> None:
    job = lists.jobs(lived_in)[0]
    said = cli("show", job.run_id, "--workspace", lived_in.root, TZ="XXX-05:30").stdout
    local = clock.to_datetime(str(job.started_at)).astimezone(timezone(timedelta(hours=5, minutes=30)))
    date = r"(\d{4}-\d\d-\d\d )?"  # once midnight has come
    assert re.search(rf"^Started    {date}{local:%H:%M:%S} \(\d+ \w+ ago\)$", said, re.MULTILINE)
    assert re.search(rf"^Attempt 1  {date}{local:%H:%M:%S}  exit", said, re.MULTILINE)
    assert re.search(rf"^  {date}{local:%H:%M:%S}  claimed", said, re.MULTILINE)
    in_utc = cli("show", job.run_id, "--utc", "--workspace", lived_in.root, TZ="XXX-05:30").stdout
    assert re.search(rf"^Started    {date}{str(job.started_at)[11:19]} UTC \(", in_utc, re.MULTILINE)
    assert str(job.started_at) in cli("show", job.run_id, "--json", "--workspace", lived_in.root).stdout


def test_a_small_metric_is_not_nothing(ws: Workspace, cli: Cli) -> None:
    (ws.root / "p.json").write_bytes(plan_of(ws, [{"loss": 0.00001}, {"loss": 123456.0}]))
    assert cli("sweep", "--plan", ws.root / "p.json").returncode == 0
    said = cli("jobs", "--workspace", ws.root).stdout
    header, first, second = said.splitlines()
    assert header.split() == ["#", "RUN", "STATE", "TRY", "TIME", "loss", "DETAIL"]
    assert "  1.00e-05  " in first
    assert "  1.23e+05  " in second


def test_a_group_of_which_nothing_has_started_is_queued(waiting: Workspace, cli: Cli) -> None:
    said = cli("groups", "--workspace", waiting.root).stdout.splitlines()
    assert said[0].split() == ["GROUP", "STATUS", "PROGRESS", "ENDED", "RUNNING", "FAILED"]
    assert "· queued" in said[1]
    data = json.loads(cli("groups", "--json", "--workspace", waiting.root).stdout)["data"]
    assert data[0]["status"] == "running"


def test_pausing_a_group_that_has_ended_says_so(waiting: Workspace, cli: Cli) -> None:
    place = ("--group-id", "@last", "--workspace", waiting.root)
    assert cli("pause-group", *place).stderr == ""
    cancel.cancel_group(waiting, group_of(waiting))
    assert "has ended already; the pause holds back what you retry" in cli("pause-group", *place).stderr


def test_prune_asks_only_where_there_is_something_to_delete(lived_in: Workspace, waiting: Workspace) -> None:
    nothing = Terminal("prune", "--older-than", "0s", "--delete-runs", "--workspace", waiting.root)
    assert nothing.end() == 0
    assert nothing.text == "Forgot 0 jobs, 0 B\n"
    forgetting = Terminal("prune", "--older-than", "0s", "--workspace", lived_in.root)
    forgetting.until("Forget 3 runs (the folders stay)? [y/N]")
    os.write(forgetting.master, b"n\n")
    assert forgetting.end() == 5
    some = Terminal("prune", "--older-than", "0s", "--delete-runs", "--workspace", lived_in.root)
    some.until("Delete 3 runs and their folders (")
    # Python does not see a signal that comes just before it reads: a person presses Ctrl-C again, too.
    wait_until(lambda: some.process.send_signal(signal.SIGINT) or not some.read(0.5), "it ends")
    assert some.end() == 5
    assert len(lists.jobs(lived_in)) == 3
