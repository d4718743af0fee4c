"""The sender: what is due is told to everybody once, tried again, given up; whatever is killed in between."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge import clock, failpoints, own_python
from runforge.core.outcome import Ending
from runforge.core.retrying import Again
from runforge.core.states import Cause, State
from runforge.errors import Missing
from runforge.notices import send
from runforge.notices.deliver import Undelivered
from runforge.notices.targets import Target
from runforge.store import outbox, transitions
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.notices.listener import Listener, listening
from tests.store.queue_kit import Kit


@pytest.fixture
def kit(ws: Workspace) -> Iterator[Kit]:
    with open_journal(ws, create=True) as journal:
        yield Kit(journal)


@pytest.fixture
def web() -> Iterator[Listener]:
    with listening() as made:
        yield made


def configure(ws: Workspace, *targets: str, on: str = "") -> None:
    path = ws.hidden / "config.toml"
    path.write_text(f"[notify]\nto = [{', '.join(map(repr, targets))}]\n{on}\n", "utf-8")
    path.chmod(0o600)


def rows(journal: Journal) -> list[dict[str, Any]]:
    with journal.read() as tx:
        return [dict(row) for row in tx.rows("outbox.all")]


def note(journal: Journal, event: str = "disk", **detail: Any) -> None:
    with journal.write() as tx:
        outbox.note(tx, event, detail={"text": "full", **detail})


class Targets:
    """Answers as it is told, and keeps whom it told of what."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.heard: list[tuple[str, str]] = []

    def __call__(self, target: Target, event: dict[str, Any]) -> str:
        self.heard.append((target.address, event["event"]))
        if target.address in self.broken:
            raise Undelivered("it is broken")
        return "told"


def test_a_failure_is_posted_with_its_run(kit: Kit, ws: Workspace, web: Listener) -> None:
    configure(ws, web.url)
    kit.job("r1", name="lm")
    kit.run("r1", State.FAILED)
    assert send.send(ws) == 1
    ((_, _, body),) = web.heard
    assert body["schema"] == "runforge.event/1"
    assert body["event"] == "failed"
    assert body["text"] == "Run 1 (lm) has failed: failed in a test"
    assert (body["run"]["id"], body["run"]["number"], body["run"]["cause"]) == ("r1", 1, "exit")
    assert body["workspace"] == str(ws.root)
    (row,) = rows(kit.journal)
    assert row["done_at"]
    assert row["error"] is None
    assert send.send(ws) == 0
    assert len(web.heard) == 1


def test_a_sweep_tells_its_first_failure_and_its_end(kit: Kit, ws: Workspace) -> None:
    configure(ws, "cmd:x")
    kit.group("g")
    for number in range(4):
        kit.job(f"r{number}", group="g", overrides='{"lr": 1}')
    for number in range(3):
        kit.run(f"r{number}", State.FAILED)
    kit.run("r3")
    told = [(row["event"], row["job_id"], row["group_id"]) for row in rows(kit.journal)]
    assert told == [("failed", "r0", "g"), ("group_done", None, "g")]
    seen: list[str] = []
    send.send(ws, tell=lambda _target, event: seen.append(event["text"]) or "")  # type: ignore[func-returns-value]
    assert seen[0].startswith("First failure in g. Run 1 has failed")
    assert seen[1].startswith("g is done: 1 succeeded, 3 failed, after")


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        (None, ["failed"]),
        ("never", []),
        ("fail", ["failed"]),
        ("done", ["done", "failed", "done"]),
        ("start", ["started", "done", "started", "failed", "done"]),
    ],
)
def test_a_run_tells_of_itself_as_it_was_asked(kit: Kit, notify: str | None, told: list[str]) -> None:
    for name, end in (("good", State.SUCCEEDED), ("bad", State.FAILED)):
        kit.job(name, notify=notify)
        kit.run(name, end)
    kit.job("canceled", notify=notify)
    kit.cancel("canceled")
    assert [row["event"] for row in rows(kit.journal)] == told


@pytest.mark.parametrize(
    ("notify", "told"),
    [("never", []), ("done", ["failed", "group_done"]), ("start", ["started", "failed", "group_done"])],
)
def test_a_sweep_is_told_of_once_whatever_its_runs_ask(kit: Kit, notify: str, told: list[str]) -> None:
    kit.group("g")
    for number in range(3):
        kit.job(f"r{number}", group="g", overrides='{"lr": 1}', notify=notify)
    for number in range(3):
        kit.run(f"r{number}", State.FAILED)
    assert [row["event"] for row in rows(kit.journal)] == told


def test_a_run_that_is_tried_again_has_not_failed(kit: Kit) -> None:
    kit.job("r1")
    kit.claim("r1")
    job, ending, now = kit.get("r1"), Ending(State.FAILED, Cause.EXIT, "exit code 1"), clock.now()
    with kit.journal.write() as tx:
        transitions.try_again(tx, job, ending, now, Again(0.0, "[1]"))
    assert rows(kit.journal) == []


def test_a_group_that_a_person_canceled_is_not_told_and_one_that_is_over_again_is(kit: Kit) -> None:
    kit.group("g")
    kit.job("r1", group="g", overrides='{"lr": 1}')
    with kit.journal.write() as tx:
        tx.run("groups.set_canceled", group_id="g", is_canceled=1, now=clock.now())
    kit.cancel("r1")
    assert rows(kit.journal) == []
    kit.retry("r1")
    kit.run("r1")
    assert [row["event"] for row in rows(kit.journal)] == ["group_done"]


def test_what_is_not_wanted_is_not_sent_unless_asked(kit: Kit, ws: Workspace) -> None:
    configure(ws, "cmd:x", on='on = ["breaker"]')
    note(kit.journal)
    note(kit.journal, "failed", asked=True)
    targets = Targets()
    assert send.send(ws, tell=targets) == 2
    assert targets.heard == [("cmd:x", "failed")]
    assert all(row["done_at"] for row in rows(kit.journal))


def test_who_was_told_is_not_told_again_when_another_fails(
    kit: Kit, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(ws, "cmd:good", "ntfys://hush")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    note(kit.journal)
    targets = Targets("ntfys://hush")
    send.send(ws, tell=targets)
    (row,) = rows(kit.journal)
    assert row["error"] == "target 2 (ntfys://...): it is broken"
    assert row["next_at"] == clock.later(now, 60)
    assert send.send(ws, tell=targets) == 0
    waited = 0.0
    for seconds in outbox.BACK_OFF:
        waited += seconds
        monkeypatch.setattr(clock, "now", lambda waited=waited: clock.later(now, waited))
        assert send.send(ws, tell=targets) == 1
    assert 3000 <= waited <= 3600
    (row,) = rows(kit.journal)
    assert (row["tries"], bool(row["done_at"])) == (5, True)
    assert [address for address, _ in targets.heard] == ["cmd:good", *["ntfys://hush"] * 5]
    with kit.journal.read() as tx:
        (lost,) = outbox.given_up(tx)
    assert lost.error == "target 2 (ntfys://...): it is broken"
    assert "hush" not in str(rows(kit.journal)).replace("ntfys://...", "")


def test_a_clock_that_is_set_back_does_not_silence_a_notice(
    kit: Kit, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(ws, "cmd:x")
    note(kit.journal)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: clock.later(now, -86400.0))
    assert send.send(ws, tell=Targets()) == 1


def test_only_one_sender_works_at_a_time(kit: Kit, ws: Workspace) -> None:
    configure(ws, "cmd:x")
    note(kit.journal)

    def tell(_target: Target, _event: dict[str, Any]) -> str:
        assert send.send(ws, tell=tell) is None
        return "told"

    assert send.send(ws, tell=tell) == 1


def test_a_file_that_others_may_write_starts_nothing(kit: Kit, ws: Workspace) -> None:
    configure(ws, "cmd:x")
    (ws.hidden / "config.toml").chmod(0o666)
    note(kit.journal)
    with pytest.raises(Missing, match="other users may write it"):
        send.send(ws, tell=Targets())
    assert rows(kit.journal)[0]["done_at"] is None


@pytest.mark.parametrize(
    ("point", "times"), [("notice.read", 1), ("notice.sent", 2), ("tx.written", 2), ("notice.recorded", 1)]
)
def test_a_sender_that_is_killed_leaves_the_notice_to_the_next(
    kit: Kit, ws: Workspace, web: Listener, point: str, times: int
) -> None:
    configure(ws, web.url)
    note(kit.journal)
    command = own_python.command("runforge.notices.send", str(ws.root))
    environment = {failpoints.VARIABLE: f"{point}:1", "PATH": "/usr/bin:/bin"}
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -9, killed
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(web.heard) == times
    assert len({body["id"] for _, _, body in web.heard}) == 1
    assert rows(kit.journal)[0]["done_at"]


def test_no_address_is_in_the_journal(kit: Kit, ws: Workspace, web: Listener) -> None:
    configure(ws, f"{web.url}/hush-hush", "ntfys://quiet-topic", "http://127.0.0.1:1/secret-path")
    note(kit.journal)
    send.send(ws)
    kit.journal.checkpoint()
    stored = b"".join(
        path.read_bytes()
        for path in Path(ws.hidden).rglob("*")
        if path.is_file() and path.name != "config.toml"
    )
    assert b"disk" in stored
    for secret in (b"hush-hush", b"quiet-topic", b"secret-path"):
        assert secret not in stored


def test_the_sender_imports_nothing_heavy() -> None:
    code = "import sys, runforge.notices.send; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "sklearn", "typer", "apprise"} & set(done.stdout.split())
