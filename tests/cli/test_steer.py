"""The commands that change runs and groups: which they mean, what they print, and what they ask."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from runforge.cli import follow, queue, removing, steer
from runforge.errors import InvalidRequest, OperationFailed
from runforge.views import lists
from runforge.workspace import Workspace
from tests.cli.terminal import Terminal
from tests.e2e.test_commands import Cli
from tests.tui.kit import enqueue, lived

#: Parameters of the commands that are not given.
_USUAL: dict[str, Any] = {"where": None, "yes": False, "as_json": False}


@pytest.fixture
def mixed(ws: Workspace) -> tuple[Workspace, str]:
    """Jobs 1 and 2 run, 3 and 4 succeeded, 5 failed, 6 was canceled, 7 and 8 wait."""
    return ws, lived(ws, name="lm")


def states(ws: Workspace) -> str:
    """Return the first letters of the states, a capital one for what is held or to be stopped."""
    return "".join(
        job.state[0].upper() if job.held or job.cancel_requested else job.state[0] for job in lists.jobs(ws)
    )


def cancel(ws: Workspace, *targets: str, **more: Any) -> int:
    return steer.cancel([*targets], workspace=ws.root, **{**_USUAL, "let_running_finish": False, **more})


def retry(ws: Workspace, *targets: str, **more: Any) -> int:
    return steer.retry([*targets], workspace=ws.root, **{**_USUAL, "alone": False, **more})


def move(ws: Workspace, *targets: str, **more: Any) -> int:
    places = {"front": False, "back": False, "before": None, "after": None}
    return steer.move([*targets], workspace=ws.root, **{**_USUAL, **places, **more})


def remove(ws: Workspace, *targets: str, **more: Any) -> int:
    return removing.remove([*targets], workspace=ws.root, **{**_USUAL, "keep_files": False, **more})


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_several_targets_are_changed_and_the_others_are_told(
    mixed: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ws, _ = mixed
    assert cancel(ws, "2-5,7", "8") == 0
    run_ids = [job.run_id for job in lists.jobs(ws)]
    assert capsys.readouterr().out.splitlines() == [
        f"2  {run_ids[1]}  being stopped",
        f"7  {run_ids[6]}  canceled",
        f"8  {run_ids[7]}  canceled",
        "3 changed, 3 skipped (already succeeded: 3-4; already failed: 5)",
    ]
    assert states(ws) == "rRssfccc"
    assert cancel(ws, "2") == 1
    assert last_line(capsys) == "0 changed, 1 skipped (already being stopped: 2)"


def test_a_group_means_those_of_its_runs_that_the_command_is_about(
    mixed: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ws, group = mixed
    assert cancel(ws, group, let_running_finish=True) == 0
    assert last_line(capsys) == "2 changed, 2 skipped (already running: 1-2)"
    assert retry(ws, "lm") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "1 changed, 0 skipped"
    assert said.err == "3 canceled runs are left; --where state:canceled retries them\n"
    assert states(ws) == "rrssqccc"
    assert retry(ws, "lm") == 0  # nothing of it has failed any more
    assert states(ws) == "rrssqqqq"


def test_a_change_is_told_as_json(mixed: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]) -> None:
    ws, group = mixed
    job = lists.jobs(ws)[4]
    assert retry(ws, "5", "3", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "runforge.changed/1"
    changed = {
        "number": 5,
        "run_id": job.run_id,
        "job_id": job.job_id,
        "group_id": group,
        "state": "queued",
        "attempt": 2,
        "priority": 0,
        "held": False,
        "cancel_requested": False,
        "frozen_at": None,
        "yield_requested": False,
    }
    assert document["data"]["changed"] == [changed]
    assert [(run["number"], run["reason"]) for run in document["data"]["skipped"]] == [
        (3, "already succeeded")
    ]
    for call in (
        lambda: queue.cancel_run("7", ws.root, as_json=True),
        lambda: queue.retry_run("7", ws.root, as_json=True),
        lambda: queue.cancel_group(group, ws.root, let_running_finish=True, as_json=True),
        lambda: queue.pause_group(group, ws.root, as_json=True),
        lambda: queue.resume_group(group, ws.root, as_json=True),
        lambda: queue.retry_failed(group, ws.root, as_json=True),
    ):
        assert call() == 0
        data = json.loads(capsys.readouterr().out)["data"]
        assert set(data) == {"changed", "skipped", "groups", "groups_skipped"}


def test_runs_are_held_and_groups_are_paused(
    mixed: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ws, group = mixed
    assert steer.pause(["lm", "7-8", "1"], ws.root, as_json=False) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == f"{group}  paused"
    assert said.out.splitlines()[-1] == "3 changed, 1 skipped (already running: 1)"
    assert "runs are held until" in said.err
    assert (lists.groups(ws)[0].paused, states(ws)) == (True, "rrssfcQQ")
    assert steer.pause(["lm"], ws.root, as_json=False) == 1
    assert last_line(capsys) == f"0 changed, 1 skipped (already paused: {group})"
    assert steer.resume(["lm", "7"], ws.root, as_json=False) == 0
    assert (lists.groups(ws)[0].paused, states(ws)) == (False, "rrssfcqQ")
    assert steer.release(["lm"], workspace=ws.root, **_USUAL) == 0
    assert states(ws) == "rrssfcqq"
    assert steer.hold(["lm"], workspace=ws.root, **_USUAL) == 0
    assert states(ws) == "rrssfcQQ"


def test_many_runs_of_a_filter_are_confirmed(ws: Workspace) -> None:
    enqueue(ws, name="many", runs=21)
    with pytest.raises(InvalidRequest, match=r"--where chooses 21 runs.* --yes"):
        cancel(ws, where="state:queued")
    assert cancel(ws, where="state:queued !1") == 0
    terminal = Terminal("retry", "--where", "state:canceled !2", "--workspace", ws.root)
    assert terminal.end() == 0  # twenty are not asked for
    assert cancel(ws, where="number:1-21", yes=True) == 0
    terminal = Terminal("retry", "--where", "state:canceled", "--workspace", ws.root)
    terminal.until("Retry 21 runs? [y/N]: ")
    os.write(terminal.master, b"n\n")
    assert terminal.end() == 5
    assert states(ws) == "c" * 21


def test_runs_are_moved_and_get_a_priority(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    enqueue(ws, name="lm", runs=4)
    assert move(ws, "3", front=True) == 0
    assert move(ws, "1", after="4") == 0
    assert steer.set_priority(["2", "4"], 5, workspace=ws.root, **_USUAL) == 0
    assert last_line(capsys) == "2 changed, 0 skipped"
    assert [job.priority for job in lists.jobs(ws)] == [0, 5, 0, 5]
    with pytest.raises(InvalidRequest, match="give one place"):
        move(ws, "1", front=True, back=True)
    with pytest.raises(InvalidRequest, match="give one place"):
        move(ws, "1")
    with pytest.raises(OperationFailed, match="no run has the number 9"):
        move(ws, "1", before="9")


def test_ended_runs_are_removed_with_their_folders(
    mixed: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ws, _ = mixed
    folders = [ws.root / job.run_dir for job in lists.jobs(ws)]
    with pytest.raises(InvalidRequest, match="this deletes 1 run and its folder, which is asked first"):
        remove(ws, "3")
    assert remove(ws, "3", "7", yes=True) == 0
    assert last_line(capsys) == "1 changed, 1 skipped (still queued: 7)"
    assert remove(ws, where="state:failed,succeeded", keep_files=True) == 0
    assert [job.number for job in lists.jobs(ws)] == [1, 2, 6, 7, 8]
    assert [folder.exists() for folder in folders[2:5]] == [False, True, True]
    assert remove(ws, "1", yes=True) == 1


def test_a_person_is_asked_before_files_are_deleted(mixed: tuple[Workspace, str]) -> None:
    ws, _ = mixed
    for words, question in (
        (["remove", "3-5", "7"], "Delete 3 runs and their folders: 3-5 ("),
        (["rm", "--keep-files", "3"], "Forget 1 run: 3 (the folders stay)? [y/N]"),
    ):
        terminal = Terminal(*words, "--workspace", ws.root)
        terminal.until(question)
        os.write(terminal.master, b"n\n")
        assert terminal.end() == 5
        assert "nothing was changed" in terminal.text
    assert states(ws) == "rrssfcqq"
    nothing = Terminal("remove", "7", "--workspace", ws.root)
    assert nothing.end() == 1
    assert "0 changed, 1 skipped (still queued: 7)" in nothing.text


def test_folders_that_no_job_knows_are_offered_and_runs_newer_than_the_journal_are_kept(
    mixed: tuple[Workspace, str], cli: Cli
) -> None:
    ws, _ = mixed
    old = time.time() - 3600
    orphan, newer = (ws.runs_dir / f"20200101-000000-sweep-{number}" for number in ("0001", "0002"))
    own = ws.runs_dir / "baseline"
    for folder in (orphan, newer, own, ws.attempt_dir(newer.name, 1)):
        folder.mkdir(parents=True)
        (folder / "request.json").write_text("{}", encoding="utf-8")
        for path in (folder / "request.json", folder, folder.parent):
            os.utime(path, (old, old))
    place = ("--workspace", ws.root)
    said = cli("doctor", *place).stdout
    assert f"1 folder that no job knows (2 B), for example {orphan}" in said
    assert said.count(orphan.name) == 1
    assert f"1 run unknown to the journal, which is older: {newer.name}" in said
    dry = cli("prune", "--orphaned", "--dry-run", *place)
    assert (dry.returncode, str(orphan) in dry.stdout, str(own) in dry.stdout) == (0, True, False)
    assert cli("prune", "--orphaned", *place).returncode == 2
    done = cli("prune", "--orphaned", "--yes", *place)
    assert done.stdout.splitlines()[-1] == "Deleted 1 that no job knows, 2 B"
    assert "1 run newer than the journal is kept" in done.stderr
    assert [path.exists() for path in (orphan, newer, own)] == [False, True, True]
    assert (
        cli("prune", *place).returncode == cli("prune", "--orphaned", "--delete-runs", *place).returncode == 2
    )


def test_other_queues_words_work_and_are_listed_nowhere(mixed: tuple[Workspace, str], cli: Cli) -> None:
    place = ("--workspace", mixed[0].root)
    assert cli("ls", "3", *place).stdout == cli("jobs", "3", *place).stdout
    assert cli("status", *place).stdout.startswith("Daemon   stopped")
    assert cli("log", "5", "-n", "1", *place).stdout.startswith("epoch 7")
    assert cli("kill", "7", *place).returncode == 0
    assert cli("rm", "5", "--yes", *place).returncode == 0
    assert states(mixed[0]) == "rrssccq"
    listed = {line.split()[0] for line in cli("--help").stdout.splitlines() if line.startswith("  ")}
    assert not listed & {"ls", "status", "log", "kill", "rm", "add"}
    assert {"jobs", "remove"} <= listed


def test_logs_of_several_runs_have_headings_and_end_with_so_many_lines(
    mixed: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ws, _ = mixed
    run_ids = [job.run_id for job in lists.jobs(ws)]

    def said(*targets: str, where: str | None = None, lines: int | None = None, **more: Any) -> str:
        options = {"follow": False, "attempt": None, **more}
        assert follow.logs([*targets], where, ws.root, lines=lines, **options) == 0
        return capsys.readouterr().out

    assert (
        said("3-4", lines=1)
        == f"==> 3 {run_ids[2]} <==\nepoch 7 loss 0.143\n\n==> 4 {run_ids[3]} <==\nepoch 7 loss 0.143\n"
    )
    assert said("3", lines=0) == ""
    (ws.root / lists.jobs(ws)[-1].run_dir / "logs.txt").write_text("newest\n", encoding="utf-8")
    assert said() == said("@last") == "newest\n"
    assert said("@last~2", lines=1) == "epoch 7 loss 0.143\n"
    assert said("3", lines=99) == said(run_ids[2]) == said(where="number:3")
    with pytest.raises(InvalidRequest, match="--follow takes one run, not 2"):
        said("3-4", follow=True)


@pytest.mark.parametrize(
    ("text", "lines", "expected"), [("a\nb\nc", 2, "b\nc"), ("a\nb\n\n", 1, "\n"), ("a", 3, "a")]
)
def test_the_last_lines_of_a_log(
    ws: Workspace, capsys: pytest.CaptureFixture[str], text: str, lines: int, expected: str
) -> None:
    lived(ws)
    (ws.root / lists.jobs(ws)[4].run_dir / "logs.txt").write_text(text, encoding="utf-8")
    assert follow.logs(["5"], None, ws.root, follow=False, lines=lines, attempt=None) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("targets", "code", "said"),
    [
        (["3"], 0, ["succeeded"]),
        (["3-4"], 0, ["succeeded", "succeeded"]),
        (["3", "6"], 5, ["succeeded", "canceled"]),
        (["3", "5", "6"], 1, ["succeeded", "failed: exit code 3", "canceled"]),
    ],
)
def test_waiting_for_several_ends_with_the_worst(
    mixed: tuple[Workspace, str],
    capsys: pytest.CaptureFixture[str],
    targets: list[str],
    code: int,
    said: list[str],
) -> None:
    ws, _ = mixed
    assert follow.wait(targets, None, ws.root, every=False, timeout=None, as_json=False) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in lines] == said
    assert follow.wait(targets, None, ws.root, every=False, timeout=None, as_json=True) == code
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == ("runforge.job/1" if len(said) == 1 else "runforge.waited/1")


def test_waiting_for_all_waits_for_what_is_live(mixed: tuple[Workspace, str]) -> None:
    ws, group = mixed
    with pytest.raises(OperationFailed, match=f"{group} has not ended"):
        follow.wait([], None, ws.root, every=True, timeout=0.0, as_json=False)
    with pytest.raises(InvalidRequest, match="--all is everything"):
        follow.wait(["3"], None, ws.root, every=True, timeout=None, as_json=False)


def test_nothing_is_live_and_waiting_for_all_ends(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    enqueue(ws, name="lm", runs=2)
    cancel(ws, "lm")
    assert follow.wait([], None, ws.root, every=True, timeout=None, as_json=False) == 0
    assert "Nothing is queued or running" in capsys.readouterr().err


def test_a_refused_target_changes_nothing(mixed: tuple[Workspace, str]) -> None:
    ws, _ = mixed
    for targets, error in (
        (["7", "nothing"], OperationFailed),
        (["7", "3-"], InvalidRequest),
        ([], InvalidRequest),
    ):
        with pytest.raises(error):
            cancel(ws, *targets)
    assert states(ws) == "rrssfcqq"
