"""Editing queued runs: what changes, what is refused, and that a kill leaves the old run or the new one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from runforge import clock
from runforge.core.outcome import Grant
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.documents import request_file
from runforge.errors import InvalidRequest, Missing
from runforge.queue import cancel, edit, environment, retry, submit
from runforge.queue.edit import Edit
from runforge.store import records, transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.documents.kit import REQUEST, changed

H = "model.hyperparameters"
MODEL = {"family": "command", "command": ["echo", "{lr}"], "hyperparameters": {"lr": 0.1, "opt": {"wd": 0}}}


def queued(ws: Workspace, run_id: str = "r", **more: Any) -> Job:
    folder = ws.run_dir(run_id)
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps(changed(REQUEST, model=MODEL, **more)))
    return submit.enqueue_run(ws, run_id)


def now(ws: Workspace, job: Job) -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        return records.job(tx.row("jobs.by_job_id", job_id=job.job_id))


def request_of(ws: Workspace, run_id: str = "r") -> dict[str, Any]:
    return dict(json.loads((ws.run_dir(run_id) / "request.json").read_bytes()))


def claim(ws: Workspace, job: Job) -> None:
    with open_journal(ws) as journal, journal.write() as tx:
        transitions.claim(tx, job, Grant("token", 0, 0), clock.now())


def test_request_and_journal_change_together(ws: Workspace) -> None:
    job = queued(ws)
    values = {f"{H}.lr": 0.5, f"{H}.opt.wd": 1, "tags": ["a"], "notes": "more", "resources.gpus": 2}
    done = edit.edit(ws, [job.job_id], Edit({**values, "retry": [{"times": 2}]}, priority=7))
    (new,) = done.changed
    assert (done.skipped, new.version, new.priority, new.needs) == ([], 1, 7, Resources(gpus=2))
    assert (new.tags, new.notes, json.loads(new.retry_rules)[0]["times"]) == ('["a"]', "more", 2)
    made = request_of(ws)
    assert made["model"]["hyperparameters"] == {"lr": 0.5, "opt": {"wd": 1}}
    assert made["device"]["type"] == "gpu"
    data = (ws.run_dir("r") / "request.json").read_bytes()
    assert request_file.digest(data) == new.request_sha
    assert os.listdir(ws.run_dir("r")) == ["request.json"]
    assert verify.check(ws) == []


def test_a_null_removes_and_the_values_of_the_sweep_follow(ws: Workspace) -> None:
    job = queued(ws, timeout_seconds=5)
    with open_journal(ws) as journal, journal.write() as tx:
        tx.run(
            "jobs.take_request",
            job_id=job.job_id,
            now=job.created_at,
            request_sha=job.request_sha,
            env_id=None,
            retry_rules="[]",
            overrides=json.dumps({f"{H}.lr": 0.1}),
            recipe=job.recipe,
            config_hash=job.config_hash,
        )
    (new,) = edit.edit(ws, [job.job_id], Edit({"timeout_seconds": None, f"{H}.lr": 3})).changed
    assert json.loads(new.overrides) == {f"{H}.lr": 3}
    assert "timeout_seconds" not in request_of(ws)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({f"{H}.rl": 1}, "run 1: the command has no parameter 'rl'. Did you mean 'lr'?"),
        ({f"{H}.lr": None}, "{lr} names no hyperparameter"),
        ({"timeout": 3}, "no run reads 'timeout'. Did you mean 'timeout_seconds'?"),
        ({"timeout_seconds": 0}, "timeout_seconds: must be more than 0"),
        ({"model.command": []}, "model.command: is empty"),
        ({f"{H}.api_key": "hunter2"}, "looks like a secret, and the journal keeps what is edited"),
        ({f"{H}.lr.deep": 1}, "model.hyperparameters.lr is not an object"),
    ],
)
def test_what_could_not_run_is_refused_and_nothing_changes(
    ws: Workspace, values: dict[str, Any], words: str
) -> None:
    good, bad = queued(ws, "good"), queued(ws, "bad")
    before = (now(ws, good), now(ws, bad), request_of(ws, "good"))
    with pytest.raises(InvalidRequest) as caught:
        edit.edit(ws, [good.job_id, bad.job_id], Edit(values))
    assert words in str(caught.value)
    assert (now(ws, good), now(ws, bad), request_of(ws, "good")) == before


def test_a_folder_that_is_missing_is_refused(ws: Workspace) -> None:
    with pytest.raises(Missing, match="the folder /nowhere is missing"):
        edit.edit(ws, [queued(ws).job_id], Edit({"model.folder": "/nowhere"}))


def test_other_states_keep_what_they_do_and_may_be_described(ws: Workspace) -> None:
    running, waiting = queued(ws, "a"), queued(ws, "b")
    claim(ws, running)
    done = edit.edit(ws, [running.job_id, waiting.job_id], Edit({f"{H}.lr": 9}))
    assert [job.run_id for job in done.changed] == ["b"]
    assert [(job.run_id, reason) for job, reason in done.skipped] == [("a", "already running")]
    done = edit.edit(ws, [running.job_id, waiting.job_id], Edit({"tags": ["x"], "notes": None}))
    assert [(job.run_id, job.tags) for job in done.changed] == [("a", '["x"]'), ("b", '["x"]')]
    assert request_of(ws, "a")["model"]["hyperparameters"]["lr"] == 0.1


@pytest.mark.parametrize("what", ["has started", "was edited meanwhile"])
def test_what_changed_meanwhile_is_left_as_it_is(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    job = queued(ws)
    write = Journal.write

    def first(journal: Journal, *arguments: Any) -> Any:
        monkeypatch.undo()
        if what == "has started":
            claim(ws, job)
        else:
            edit.edit(ws, [job.job_id], Edit({f"{H}.lr": 2}))
        return write(journal, *arguments)

    monkeypatch.setattr(Journal, "write", first)
    done = edit.edit(ws, [job.job_id], Edit({f"{H}.lr": 3}))
    assert [reason for _, reason in done.skipped] == [what]
    assert done.changed == []
    assert request_of(ws)["model"]["hyperparameters"]["lr"] == (0.1 if what == "has started" else 2)
    assert os.listdir(ws.run_dir("r")) == ["request.json"]


def test_the_same_again_changes_nothing(ws: Workspace) -> None:
    job = queued(ws)
    edit.edit(ws, [job.job_id], Edit({f"{H}.lr": 3}))
    done = edit.edit(ws, [job.job_id], Edit({f"{H}.lr": 3}))
    assert [reason for _, reason in done.skipped] == ["is so already"]


def test_a_file_that_was_edited_by_hand_is_taken(ws: Workspace) -> None:
    job = queued(ws)
    path = ws.run_dir("r") / "request.json"
    path.write_text(path.read_text().replace("0.1", "0.7"))
    (new,) = edit.edit(ws, [job.job_id], Edit(priority=1)).changed
    assert os.listdir(ws.run_dir("r")) == ["request.json"]
    assert request_of(ws)["model"]["hyperparameters"]["lr"] == 0.7
    assert request_file.digest(path.read_bytes()) == new.request_sha


def test_a_run_gets_another_environment(ws: Workspace) -> None:
    made = environment.capture({"PATH": "/bin"})
    (new,) = edit.edit(ws, [queued(ws).job_id], Edit(environment=made)).changed
    assert new.env_id == made.id
    assert ws.env_file(made.id).exists()


EDITS = """
import pathlib
from runforge import workspace
from runforge.queue.edit import Edit, edit
edit(workspace.at(pathlib.Path({root!r})), {ids!r}, Edit({{"model.hyperparameters.lr": 0.5}}))
"""


@pytest.mark.parametrize(
    ("point", "is_new"),
    [
        ("edit.written:1", False),
        ("tx.written:1", False),
        ("edit.committed:1", True),
        ("edit.one_renamed:1", True),
        ("command.committed:1", True),
    ],
)
def test_a_kill_leaves_the_old_runs_or_the_new_ones(ws: Workspace, point: str, is_new: bool) -> None:
    jobs = [queued(ws, "a"), queued(ws, "b")]
    code = EDITS.format(root=str(ws.root), ids=[job.job_id for job in jobs])
    killed = subprocess.run(
        [sys.executable, "-c", code], check=False, env={**os.environ, "RUNFORGE_FAILPOINT": point}
    )
    assert killed.returncode == -signal.SIGKILL
    for job in jobs:
        sha = now(ws, job).request_sha
        request_file.settle(ws.run_dir(job.run_id), sha)
        data = (ws.run_dir(job.run_id) / "request.json").read_bytes()
        assert request_file.digest(data) == sha
        assert json.loads(data)["model"]["hyperparameters"]["lr"] == (0.5 if is_new else 0.1)
    done = edit.edit(ws, [job.job_id for job in jobs], Edit({f"{H}.lr": 0.6}))
    assert len(done.changed) == 2
    assert os.listdir(ws.run_dir("a")) == ["request.json"]


def test_a_retry_after_a_killed_edit_takes_the_edited_request(ws: Workspace) -> None:
    job = queued(ws)
    code = EDITS.format(root=str(ws.root), ids=[job.job_id])
    environ = {**os.environ, "RUNFORGE_FAILPOINT": "edit.committed:1"}
    subprocess.run([sys.executable, "-c", code], check=False, env=environ)
    cancel.cancel_run(ws, "r")
    retry.retry_run(ws, "r")
    assert request_of(ws)["model"]["hyperparameters"]["lr"] == 0.5
