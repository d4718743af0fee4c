"""The options of breakers and stalls as they are typed, and `why` as it is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runforge.cli import fast_path
from runforge.core.records import Group, Job
from runforge.documents.request_file import read_given_document
from runforge.errors import InvalidRequest
from runforge.store import records, verify
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace

Call = Callable[..., str]


@pytest.fixture
def call(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: object) -> str:
        first, *rest = (str(word) for word in words)
        assert fast_path.run([first, "-w", str(ws.root), *rest]) == 0
        return capsys.readouterr().out.strip()

    return run


def job(ws: Workspace, run_id: str) -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        return records.job(tx.row("jobs.by_run_id", run_id=run_id))


def group(ws: Workspace, group_id: str) -> Group:
    with open_journal(ws) as journal, journal.read() as tx:
        return records.group(tx.row("groups.by_id", group_id=group_id))


def test_a_breaker_belongs_to_a_group_and_can_be_changed(ws: Workspace, call: Call) -> None:
    made = call("submit", "-S", "n=1,2", "--breaker", "3", "--", "echo", "{n}")
    assert group(ws, made).breaker == 3
    call("submit", "-g", made, "--breaker", "off", "--", "echo", "hi")
    assert group(ws, made).breaker == 0
    call("edit", made, "--breaker", "9")
    assert group(ws, made).breaker == 9
    assert group(ws, call("submit", "-S", "n=1,2", "--", "echo", "{n}")).breaker is None
    assert verify.check(ws) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--breaker", "3"), "guards a group"),
        (("-g", "g", "--breaker", "0"), "no number"),
        (("-g", "g", "--breaker", "often"), "no number"),
        (("--stall", "soon"), "not a valid time"),
        (("--stall", "10m:stop"), "not a valid time"),
        (("--stall", "10m:killed"), "not understood"),
        (("--stall", "off:kill"), "not understood"),
    ],
)
def test_what_is_not_understood_is_refused(call: Call, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        call("submit", *words, "--", "echo", "hi")


@pytest.mark.parametrize(
    ("text", "seconds", "kills"), [("10m", 600, 0), ("90s:kill", 90, 1), ("off", 0, 0), (None, None, 0)]
)
def test_a_stall_is_in_the_request_and_in_the_journal(
    ws: Workspace, call: Call, text: str | None, seconds: float | None, kills: int
) -> None:
    options = [] if text is None else ["--stall", text]
    made = job(ws, call("submit", *options, "--", "echo", "hi"))
    assert (made.stall_seconds, made.stall_kill) == (seconds, kills)
    request = read_given_document(ws.root / made.run_dir / "request.json")
    assert request.get("stall_seconds") == seconds


def test_a_stall_can_be_edited_and_taken_away(ws: Workspace, call: Call) -> None:
    run_id = call("submit", "--stall", "10m:kill", "--", "echo", "hi")
    call("edit", run_id, "--stall", "2h")
    made = job(ws, run_id)
    assert (made.stall_seconds, made.stall_kill) == (7200, 0)
    call("edit", run_id, "--stall", "1h:kill")
    call("edit", run_id, "--stall", "none")
    made = job(ws, run_id)
    assert (made.stall_seconds, made.stall_kill) == (None, 0)


def test_a_plan_has_a_breaker_too_and_the_documents_show_who_paused(ws: Workspace, call: Call) -> None:
    plan: dict[str, Any] = json.loads((ws.root / "plan.json").read_text())
    plan["execution"]["breaker"] = 2
    (ws.root / "plan.json").write_text(json.dumps(plan))
    call("enqueue-sweep", "--plan", ws.root / "plan.json")
    (made,) = lists.groups(ws)
    assert made.breaker == 2
    call("pause", made.group_id)
    document = json.loads((ws.group_dir(made.group_id) / "group.json").read_text())
    assert (document["paused"], document["paused_by"], document["pause_reason"]) == (True, "person", None)


def test_why_is_printed_for_people_and_as_json(call: Call) -> None:
    run_id = call("submit", "-n", "lm", "--hold", "--", "echo", "hi")
    assert call("why", run_id) == "1 lm waits: it is held; `runforge release 1` lets it start"
    assert call("why").splitlines()[0].startswith("queue  1 run left")
    document = json.loads(call("why", "1", "--json"))
    assert document["schema"] == "runforge.why/1"
    assert document["data"][0]["job"]["run_id"] == run_id


def test_submit_tells_what_it_expects_once_there_is_history(ws: Workspace, call: Call) -> None:
    first = json.loads(call("submit", "-g", "lm", "--json", "--", "echo", "hi"))["data"]
    assert first["estimate"] is None
    with open_journal(ws) as journal:
        from tests.store.queue_kit import Kit

        kit = Kit(journal)
        kit.run(first["runs"][0]["job_id"])
    second = json.loads(call("submit", "-g", "lm", "--json", "--", "echo", "hi"))["data"]
    assert (second["estimate"]["basis"], second["estimate"]["runs"]) == ("recipe", 1)
    assert second["estimate"]["ends_at"] is not None
