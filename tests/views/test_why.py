"""What `why` says of runs, groups and the queue."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from runforge import clock
from runforge.core.outcome import DeviceGrant, Grant
from runforge.core.resources import Resources
from runforge.core.states import State
from runforge.queue import pause
from runforge.store import transitions
from runforge.store.opening import open_journal
from runforge.views import daemon_status, why, why_words
from runforge.views.why_answers import QueueAnswer, RunAnswer
from runforge.workspace import Workspace
from tests.machine.conftest import nvml as _nvml
from tests.machine.nvml import FakeNvml, uuid
from tests.store.queue_kit import Kit, on

nvml = _nvml
TIME = re.compile(r"\d\d:\d\d(?::\d\d)?(?: UTC)?(?: tomorrow)?")


@pytest.fixture
def kit(bare_ws: Workspace) -> Iterator[Kit]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        kit = Kit(journal)
        with journal.write() as tx:
            row = {
                "pid": 1,
                "boot_id": "b",
                "now": clock.now(),
                "start_ticks": 1,
                "max_parallel": 2,
                "gpu_slots": 3,
            }
            tx.row("journal.take_over", **row)
        kit.group("lm")
        yield kit


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the daemon of the journal look alive: the views ask for nothing else of it."""
    known = daemon_status.status_of

    def status(*given: object) -> object:
        return known(*given)._replace(state="running", shortage=None)  # type: ignore[arg-type]

    monkeypatch.setattr(daemon_status, "status_of", status)


def said(kit: Kit, *names: str) -> list[str]:
    """Return the lines of the answers, with T for every time."""
    answers = why.why(kit.journal.workspace, names)
    return [TIME.sub("T", line) for answer in answers for line in why_words.lines(answer)]


def history(kit: Kit, *names: str) -> None:
    """Let runs of the group have succeeded."""
    for name in names:
        kit.job(name, group="lm")
        kit.run(name)


@pytest.mark.usefixtures("alive")
def test_a_run_that_waits_for_gpus_says_who_has_them_and_what_else_there_is(kit: Kit) -> None:
    history(kit, "a1", "a2")
    kit.job("a3", group="lm", needs=Resources(gpus=2))
    grant = Grant("t", 0, 9, (DeviceGrant(0, "GPU-a"), DeviceGrant(1, "GPU-b")))
    job = kit.get("a3")
    with kit.journal.write() as tx:
        transitions.claim(tx, job, grant, clock.now())
    kit.job("a4", group="lm", needs=Resources(gpus=2))
    kit.job("a5", group="lm", needs=Resources(gpus=2))
    first, holder, last = said(kit, "5")
    assert first == "5 a5 waits: 2 GPUs are asked for, 1 is free"
    assert holder.startswith("  GPU-a, GPU-b  3 a3, until about T")
    assert last.startswith("Before it: 4 (same group). Starts about T")
    assert last.endswith("Or: edit 5 -G 1; move 5 --front")


def test_who_else_is_on_a_gpu_is_named_with_the_number_and_name_of_it(
    kit: Kit, nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml.says([{}, {"processes": [{"pid": os.getpid(), "memory": 20 << 30}]}])
    told = tuple(
        {"index": n, "uuid": uuid(n), "name": "Fake H200", "memory_mb": 80_000, "foreign_mb": n * 20_000}
        for n in range(2)
    )
    known = daemon_status.status_of

    def status(*given: object) -> object:
        return known(*given)._replace(state="running", shortage=None, gpus=told, gpu_auto=True)  # type: ignore[arg-type]

    monkeypatch.setattr(daemon_status, "status_of", status)
    kit.job("a1", needs=Resources(gpus=1))
    job = kit.get("a1")
    with kit.journal.write() as tx:
        transitions.claim(tx, job, Grant("t", 0, 9, (DeviceGrant(0, uuid(0)),)), clock.now())
    kit.job("a2", needs=Resources(gpus=1))
    first, holder, stranger, *_ = said(kit, "2")
    assert first == "2 a2 waits: 1 GPU is asked for, none is free"
    assert holder == "  GPU 0 Fake H200  1 a1, no end known"
    assert stranger.startswith("  GPU 1 Fake H200  ")
    assert stranger.endswith(f"(pid {os.getpid()}, 20.0 GiB), not RunForge's, no end known")


@pytest.mark.usefixtures("alive")
def test_what_a_person_holds_back_says_how_to_go_on_and_no_time(kit: Kit) -> None:
    kit.job("a1", group="lm", held=1)
    assert said(kit, "1") == ["1 a1 waits: it is held; `runforge release 1` lets it start"]
    kit.job("a2", group="lm")
    pause.pause_group(kit.journal.workspace, "lm")
    assert said(kit, "2") == ["2 a2 waits: its group is paused", "Or: resume lm"]
    assert said(kit, "lm") == ["lm  2 of 2 left  paused by a person; `runforge resume lm` ends that"]


@pytest.mark.usefixtures("alive")
def test_a_tripped_breaker_is_told_with_its_reason(kit: Kit) -> None:
    for number in range(6):
        kit.job(f"a{number}", group="lm")
    for number in range(5):
        kit.claim(f"a{number}")
        kit.end(f"a{number}", State.FAILED, signature="exit 1: KeyError: 'lr' (t.py:main)")
    reason = "5 x KeyError: 'lr' (t.py:main)"
    assert said(kit, "6") == [f"6 a5 waits: its group is paused: {reason}; `runforge resume lm` ends that"]
    assert said(kit, "lm") == [
        f"lm  1 of 6 left  paused by its breaker: {reason}; `runforge resume lm` ends that"
    ]


@pytest.mark.usefixtures("alive")
def test_a_run_that_waits_for_others_names_them(kit: Kit) -> None:
    history(kit, "a1")
    kit.job("a2", group="lm")
    kit.claim("a2")
    kit.job("a3", on("a2"), group="lm")
    first, parent, last = said(kit, "3")
    assert first == "3 a3 waits for 2 to succeed"
    assert parent.startswith("  2 running, until about T")
    assert last.endswith("Or: edit 3 --after none")


@pytest.mark.usefixtures("alive")
def test_a_running_run_says_what_it_does_and_an_ended_one_how_it_ended(kit: Kit) -> None:
    kit.job("a1", group="lm")
    kit.claim("a1")
    folder = kit.journal.workspace.root / "runs/a1"
    folder.mkdir(parents=True)
    (folder / "logs.txt").write_text("Epoch 3/10\n")
    head, _ = said(kit, "1")
    assert re.fullmatch(r"1 a1 runs, for \ds, epoch 3 of 10", head)
    kit.end("a1", State.FAILED)
    assert said(kit, "1") == ["1 a1 has failed after 0s: failed in a test"]


def test_the_queue_and_its_groups(kit: Kit) -> None:
    assert said(kit) == ["The queue is empty"]
    history(kit, "a1", "a2")
    kit.job("a3", group="lm")
    kit.job("single")
    answer = why.why(kit.journal.workspace, [])[0]
    assert isinstance(answer, QueueAnswer)
    assert (answer.left, answer.estimate.ends_at) == (2, None)
    lines = said(kit)
    assert lines[0].startswith("lm     1 of 3 left  done about T")
    assert lines[1].startswith("queue  2 runs left  no estimate")
    assert lines[-1].startswith("No daemon is running")


def test_an_answer_is_a_document(kit: Kit) -> None:
    kit.job("a1", group="lm")
    (answer,) = why.why(kit.journal.workspace, ["1"])
    assert isinstance(answer, RunAnswer)
    document = answer.to_json()
    assert (document["kind"], document["job"]["number"], document["instead"]) == (
        "run",
        1,
        ["daemon --detach"],
    )
    assert document["estimate"]["basis"] == "unknown"
