"""The program itself: help, names, exit codes, closed and full outputs, signals, completion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.cli import completion
from runforge.cli.commands import COMMANDS, SECTIONS
from runforge.core.states import State
from runforge.daemon.main import ORPHANS
from runforge.documents.request_options import RETRY_CAUSES
from runforge.workspace import Workspace
from tests.cli.conftest import group_of
from tests.conftest import wait_until
from tests.e2e.test_commands import Cli, refused

pytestmark = pytest.mark.slow


def _spawn(*arguments: object, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "runforge", *map(str, arguments)]
    return subprocess.Popen(words, stdout=stdout, stderr=subprocess.PIPE, text=True)


def test_help_lists_every_command_under_its_section(cli: Cli) -> None:
    done = cli("--help")
    assert done.returncode == 0
    assert all(f"\n{section}:\n" in done.stdout for section in SECTIONS)
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)
    assert "..." not in done.stdout.partition("Start:")[2]  # no summary is cut
    assert all(command.examples for command in COMMANDS.values())
    assert "Examples:\n    runforge cancel 12 15-18\n" in cli("cancel", "--help").stdout


def test_without_a_command_it_shows_the_help_as_bad_usage(cli: Cli) -> None:
    done = cli()
    assert done.returncode == 2
    assert done.stdout.startswith("Usage: runforge ")
    assert done.stderr == ""


def test_a_mistyped_command_is_told_once(cli: Cli) -> None:
    done = cli("shows")
    refused(done, 2, "'shows'", "Did you mean 'show'?")
    assert done.stderr.count("--help") == 1
    refused(cli("--nope"), 2, "No such option: --nope. See `runforge --help`")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["daemon", "--max-parallel", "9" * 20], "--max-parallel"),
        (["daemon", "--gpu-slots", "9" * 20], "--gpu-slots"),
        (["daemon", "--gpu-slots", "-1"], "--gpu-slots"),
        (["jobs", "--limit", "9" * 20], "--limit"),
        (["jobs", "--state", "sleeping"], "--state"),
        (["logs", "@last", "--attempt", "0"], "--attempt"),
        (["enqueue-run", "--run-id", "x", "--priority", "9" * 20], "--priority"),
        (["enqueue-sweep", "--plan", "plan.json", "--dry-run-seconds", "nan"], "--dry-run-seconds"),
        (["enqueue-sweep", "--plan", "plan.json", "--dry-run-seconds", "inf"], "--dry-run-seconds"),
        (["wait", "--timeout", "inf"], "--timeout"),
        (["stop-daemon", "--drain", "inf"], "--drain"),
        (["prune", "--older-than", "9" * 20 + "w"], "--older-than"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_numbers_out_of_range_are_refused_naming_the_option(
    waiting: Workspace, cli: Cli, arguments: list[str], option: str
) -> None:
    words = [str(waiting.root / word) if word == "plan.json" else word for word in arguments]
    refused(cli(*words, "--workspace", waiting.root), 2, option)


@pytest.mark.parametrize("arguments", [["--version"], ["jobs"], ["queue-status"]])
def test_a_full_disk_below_the_output_is_told(waiting: Workspace, arguments: list[str]) -> None:
    place = [] if arguments == ["--version"] else ["--workspace", waiting.root]
    full = os.open("/dev/full", os.O_WRONLY)
    process = _spawn(*arguments, *place, stdout=full)
    os.close(full)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.startswith("ERROR: ")
    assert "No space left on device" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--version"], ["jobs"], ["show", "@last"]])
def test_a_closed_output_is_quiet(waiting: Workspace, arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    place = [] if arguments == ["--version"] else ["--workspace", waiting.root]
    process = _spawn(*arguments, *place, stdout=write)
    os.close(write)
    _, said = process.communicate(timeout=30)
    assert said == ""
    assert process.returncode == 0


def test_ctrl_c_ends_a_wait_with_exit_code_5(waiting: Workspace) -> None:
    process = _spawn("wait", "--workspace", waiting.root)
    assert process.stderr is not None
    assert "No daemon is running" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=30)
    assert (process.returncode, said, told) == (5, "", "")


def test_an_output_without_unicode_gets_ascii(lived_in: Workspace, cli: Cli) -> None:
    place = ("--workspace", lived_in.root)
    for arguments in (["queue-status"], ["groups"], ["jobs"], ["show", "@last"]):
        done = cli(*arguments, *place, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()


def _complete(cwd: Path, line: str) -> list[str]:
    words = line.split(" ")
    environment = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "runforge"],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment, "_RUNFORGE_COMPLETE": "complete_bash"},
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_completes_commands_and_ids(waiting: Workspace, tmp_path: Path) -> None:
    group, here = group_of(waiting), waiting.root
    assert _complete(here, "runforge queue-s") == ["queue-status"]
    assert _complete(here, "runforge pause-group --group-id ") == ["@last", group, "families"]
    assert _complete(here, "runforge jobs -g f") == ["families"]
    assert _complete(here, "runforge cancel 3 1") == ["14", "13", "12", "11", "10", "1"]
    assert _complete(here, "runforge resume fam") == ["families"]
    assert not {"14", "1"} & set(_complete(here, "runforge cancel "))
    assert _complete(here, "runforge daemon --orphans ") == ["requeue", "fail", "cancel"]
    assert completion.choices("retry", "3:exit,o") == ["3:exit,oom"]
    assert completion.choices("retry", "2:g") == ["2:gpu_oom"]
    assert len(_complete(here, "runforge show 2")) == 15  # the ids, and a number
    assert group in _complete(here, "runforge wait ")
    assert _complete(here, "runforge jobs --state r") == ["running"]
    assert _complete(tmp_path, f"runforge pause-group -w {here} --group-id g") == [group]
    assert _complete(tmp_path, "runforge show 2") == []


def test_an_internal_error_is_one_line_and_a_traceback_only_when_asked(waiting: Workspace) -> None:
    broken = "import runforge.views.glance as v; v.queue_summary = lambda ws: 1 / 0; import runforge.__main__ as m; m.main()"
    for debug in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", broken, "queue-status", "--json", "--workspace", str(waiting.root)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "RUNFORGE_DEBUG": debug},
        )
        assert done.returncode == 4
        assert done.stderr.splitlines()[-1].startswith("ERROR: internal error: ZeroDivisionError")
        assert ("Traceback" in done.stderr) == bool(debug)


def test_a_question_that_nobody_answers_changes_nothing(waiting: Workspace, cli: Cli) -> None:
    place = ("--older-than", "0s", "--delete-runs", "--workspace", waiting.root)
    refused(cli("prune", *place), 2, "--yes")
    wait_until(lambda: len(list(waiting.runs_dir.iterdir())) == 14, "run folders are there")


def test_completion_offers_the_values_that_there_are() -> None:
    assert completion.VALUES["state"] == tuple(state.value for state in State)
    assert completion.VALUES["orphans"] == ORPHANS
    assert completion.VALUES["retry"] == RETRY_CAUSES
