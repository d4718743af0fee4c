"""An edit changes a queued run wholly or not at all, and never one that was started or edited meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from runforge import clock
from runforge.core.states import State
from runforge.documents import edited_request
from runforge.errors import InvalidRequest, Missing, OperationFailed
from runforge.failpoints import VARIABLE
from runforge.queue import edit as editing
from runforge.queue import retry
from runforge.queue.edit_wish import Edit, NewEnvironment
from runforge.queue.ordering import After
from runforge.store import edges, transitions, verify
from runforge.store.opening import open_journal
from runforge.views import lists, results, run_facts
from runforge.workspace import Workspace
from tests.queue.editing_kit import end, files, in_order, job, on_disk, queued, request, start

LR = "model.hyperparameters.lr"


def test_a_parameter_is_changed_in_the_request_and_in_the_lists(ws: Workspace) -> None:
    first, second = queued(ws, "lr=0.1,0.2", "seed=1")
    done = editing.set_parameters(ws, {first.job_id: {"lr": 0.01}})
    assert ([each.seq for each in done.changed], done.skipped) == ([first.seq], [])
    assert request(ws, first.job_id).hyperparameters == {"lr": 0.01, "seed": 1}
    now = job(ws, first.job_id)
    assert json.loads(now.overrides)[LR] == 0.01
    assert (now.version, now.request_sha != first.request_sha) == (1, True)
    assert request(ws, second.job_id).hyperparameters["lr"] == 0.2
    assert files(ws, first.job_id) == ["request.json"]
    in_order(ws)


def test_the_entry_has_the_old_and_the_new_digest(ws: Workspace) -> None:
    (one,) = queued(ws)
    editing.edit(ws, {one.job_id: Edit(fields={"timeout_seconds": 60})})
    with open_journal(ws) as journal, journal.read() as tx:
        entry = [each for each in tx.rows("journal.entries_all") if each["event"] == "edited"][-1]
    told = json.loads(entry["detail"])
    assert (told["was"], told["request_sha"]) == (one.request_sha, job(ws, one.job_id).request_sha)
    assert told["version"] == 1


def test_everything_that_submit_says_can_be_changed(ws: Workspace) -> None:
    parent, one = (queued(ws)[0] for _ in range(2))
    fields = {
        "model.command": ["true"],
        "model.folder": "/tmp",
        "name": "other",
        "tags": ["a", "b"],
        "notes": "why",
        "timeout_seconds": 60.0,
        "grace_seconds": 5.0,
        "retry": [{"times": 2, "causes": ["exit"], "backoff_seconds": 1.0}],
        "resources.cpus": 2,
        "resources.mem_mb": 100,
    }
    gates = {"held": True, "not_before": "2099-01-01T00:00:00.000000Z", "after": (After(str(parent.seq)),)}
    wish = Edit(fields, environment=NewEnvironment(("A=b",)), priority=7, **gates)
    assert editing.edit(ws, {one.job_id: wish}).skipped == []
    now, new = job(ws, one.job_id), request(ws, one.job_id)
    assert (new.command, new.folder, new.timeout_seconds, new.grace_seconds) == (("true",), "/tmp", 60, 5)
    assert (now.name, json.loads(now.tags), now.notes, now.priority) == ("other", ["a", "b"], "why", 7)
    assert (now.needs.cpus, now.needs.mem_mb) == (2, 100)
    assert (now.held, now.blockers, now.not_before) == (True, 1, "2099-01-01T00:00:00.000000Z")
    assert json.loads(now.retry_rules)[0]["times"] == 2
    assert now.env_id == new.env_id != one.env_id
    variables = json.loads(ws.env_file(str(now.env_id)).read_bytes())["variables"]
    assert variables == {"PATH": "/usr/bin:/bin", "HOME": "/root", "A": "b"}
    editing.edit(ws, {one.job_id: Edit(held=False, not_before="", after=())})
    now = job(ws, one.job_id)
    assert (now.held, now.blockers, now.not_before) == (False, 0, None)
    in_order(ws)


@pytest.mark.parametrize("state", [State.RUNNING, State.FAILED])
def test_a_run_that_has_started_keeps_what_it_does_and_may_be_described(ws: Workspace, state: State) -> None:
    (one,) = queued(ws)
    start(ws, one.job_id)
    if state is State.FAILED:
        end(ws, one.job_id)
    before = on_disk(ws, one.job_id)
    done = editing.edit(ws, {one.job_id: Edit(fields={"timeout_seconds": 5, "name": "new"})})
    assert [reason for _, reason in done.skipped] == [f"already {state}"]
    assert job(ws, one.job_id).name is None
    done = editing.edit(ws, {one.job_id: Edit(fields={"name": "new", "tags": ["t"]})})
    assert [each.name for each in done.changed] == ["new"]
    assert on_disk(ws, one.job_id) == before == job(ws, one.job_id).request_sha
    in_order(ws)


def test_a_run_that_was_edited_since_it_was_shown_stays(ws: Workspace) -> None:
    (one,) = queued(ws)
    editing.edit(ws, {one.job_id: Edit(fields={"timeout_seconds": 60})})
    done = editing.edit(ws, {one.job_id: Edit(fields={"timeout_seconds": 5})}, {one.job_id: one.version})
    assert [reason for _, reason in done.skipped] == ["changed meanwhile"]
    assert request(ws, one.job_id).timeout_seconds == 60


@pytest.mark.parametrize("rival", ["start", "edit"])
def test_a_run_that_changes_between_reading_and_writing_stays(
    ws: Workspace, rival: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queued(ws, "lr=0.1,0.2", "seed=1")
    write = editing._write

    def meanwhile(workspace: Workspace, plans: list[editing._Plan]) -> None:
        monkeypatch.setattr(editing, "_write", write)
        write(workspace, plans)
        if rival == "start":
            start(ws, first.job_id)
        else:
            editing.set_parameters(ws, {first.job_id: {"lr": 0.5}})

    monkeypatch.setattr(editing, "_write", meanwhile)
    done = editing.set_parameters(ws, {each.job_id: {"lr": 9} for each in (first, second)})
    reason = "already running" if rival == "start" else "changed meanwhile"
    assert ([each.seq for each in done.changed], [why for _, why in done.skipped]) == ([second.seq], [reason])
    assert request(ws, first.job_id).hyperparameters["lr"] == (0.1 if rival == "start" else 0.5)
    assert request(ws, second.job_id).hyperparameters["lr"] == 9
    assert files(ws, first.job_id) == files(ws, second.job_id) == ["request.json"]
    in_order(ws)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Edit(parameters={"le": 1}), "Did you mean"),
        (Edit(unset=("momentum",)), "no parameter 'momentum'"),
        (Edit(unset=("lr",)), "lr"),
        (Edit(fields={"timeout_seconds": -1}), "timeout_seconds"),
        (Edit(fields={"model.folder": "/nowhere"}), "/nowhere"),
        (Edit(parameters={"api_key": "abcdefgh12345678"}), "secret"),
        (Edit(after=(After("nobody"),)), "nobody"),
    ],
)
def test_what_cannot_be_is_refused_for_all_runs(ws: Workspace, wish: Edit, said: str) -> None:
    jobs = queued(ws, "lr=0.1,0.2", "seed=1")
    before = [on_disk(ws, each.job_id) for each in jobs]
    with pytest.raises((InvalidRequest, Missing, OperationFailed), match=said):
        editing.edit(ws, {jobs[0].job_id: Edit(priority=3), jobs[1].job_id: wish})
    assert [job(ws, each.job_id) for each in jobs] == jobs
    assert [on_disk(ws, each.job_id) for each in jobs] == before
    in_order(ws)


def test_an_edit_that_changes_nothing_says_so(ws: Workspace) -> None:
    (one,) = queued(ws, name="t")
    done = editing.edit(ws, {one.job_id: Edit(fields={"name": "t"}, priority=0)})
    assert [reason for _, reason in done.skipped] == ["is so already"]
    assert job(ws, one.job_id).version == 0


def test_a_file_that_was_changed_by_hand_is_taken_as_it_is(ws: Workspace) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    path = ws.root / one.run_dir / "request.json"
    path.write_text(path.read_text().replace("0.1", "0.7"))
    done = editing.edit(ws, {one.job_id: Edit(parameters={"seed": 1})})
    assert [each.version for each in done.changed] == [1]
    assert request(ws, one.job_id).hyperparameters == {"lr": 0.7, "seed": 1}


def test_an_edit_that_fails_leaves_nothing_beside_the_request(ws: Workspace) -> None:
    first, second = queued(ws, "lr=0.1,0.2", "seed=1")
    wish = Edit(parameters={"lr": 3}, after=(After(str(second.seq)),))
    circle = Edit(parameters={"lr": 4}, after=(After(str(first.seq)),))
    with pytest.raises(InvalidRequest, match="waits for it already"):
        editing.edit(ws, {first.job_id: wish, second.job_id: circle})
    assert [job(ws, each.job_id) for each in (first, second)] == [first, second]
    assert files(ws, first.job_id) == files(ws, second.job_id) == ["request.json"]


# --- crashes ---------------------------------------------------------------------------------------

_EDIT = """
import sys
from pathlib import Path
from runforge import workspace
from runforge.queue import edit
values = {name: {"lr": 9, "seed": seed} for seed, name in enumerate(sys.argv[2:], 1)}
edit.set_parameters(workspace.find(Path(sys.argv[1])), values)
"""
POINTS = ("tx.begun:1", "edit.request_kept:1", "tx.written:1", "edit.committed:1", "edit.request_placed:1")


def killed_edit(ws: Workspace, point: str, job_ids: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _EDIT, str(ws.root), *job_ids],
        env={**os.environ, VARIABLE: point},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_anywhere_leaves_the_old_runs_or_the_new_ones(ws: Workspace, point: str) -> None:
    jobs = queued(ws, "lr=0.1,0.2", "seed=1")
    killed_edit(ws, point, [each.job_id for each in jobs])
    is_new = point in {"edit.committed:1", "edit.request_placed:1"}
    for old, each in zip(jobs, (job(ws, one.job_id) for one in jobs), strict=True):
        assert (each.version, json.loads(each.overrides)[LR]) == (
            (1, 9) if is_new else (0, json.loads(old.overrides)[LR])
        )
        assert request(ws, each.job_id).hyperparameters["lr"] == json.loads(each.overrides)[LR]
    editing.set_parameters(ws, {each.job_id: {"lr": 5, "seed": seed} for seed, each in enumerate(jobs)})
    for each in jobs:
        assert request(ws, each.job_id).hyperparameters["lr"] == 5
        assert files(ws, each.job_id) == ["request.json"]
    in_order(ws)


def test_a_run_that_was_canceled_after_a_killed_edit_comes_back_as_edited(ws: Workspace) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    killed_edit(ws, "edit.committed:1", [one.job_id])
    with open_journal(ws) as journal, journal.write() as tx:
        transitions.cancel_queued(tx, [edges.known_job(tx, one.job_id)], clock.now())
    retry.retry(ws, [one.job_id])
    assert request(ws, one.job_id).hyperparameters["lr"] == 9


def test_a_retry_asks_for_what_the_file_asks_for_now(ws: Workspace) -> None:
    (one,) = queued(ws)
    start(ws, one.job_id)
    end(ws, one.job_id, State.FAILED)
    path = ws.root / one.run_dir / "request.json"
    document = json.loads(path.read_bytes())
    document["resources"] = {"mem_mb": 2048, "cpus": 1}
    path.write_text(json.dumps(document), encoding="utf-8")
    retry.retry(ws, [one.job_id])
    assert job(ws, one.job_id).needs.mem_mb == 2048
    assert verify.check(ws) == []


def test_show_tells_what_the_journal_names_after_a_killed_edit(ws: Workspace) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    killed_edit(ws, "edit.committed:1", [one.job_id])
    view = lists.run(ws, one.run_id)
    assert os.path.basename(view.request_file) != "request.json"
    assert (run_facts.read(view.request_file, ws.root).parameters or {})["lr"] == 9
    with results.read(ws, [one.run_id]).records as records:
        assert records[0]["parameters"]["lr"] == 9
    edited_request.place(ws.root / one.run_dir, job(ws, one.job_id).request_sha)
    assert os.path.basename(view.request_file) == "request.json"


def test_a_request_that_waits_beside_is_placed_only_if_it_is_whole(ws: Workspace) -> None:
    (one,) = queued(ws, "lr=0.1", "seed=1")
    killed_edit(ws, "edit.committed:1", [one.job_id])
    now = job(ws, one.job_id)
    folder = ws.root / now.run_dir
    edited_request.beside(folder, str(now.request_sha)).write_bytes(b"{}")
    edited_request.place(folder, now.request_sha)
    assert on_disk(ws, one.job_id) == one.request_sha
