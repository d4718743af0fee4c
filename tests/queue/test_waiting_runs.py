"""Waiting runs are held, released and moved; a group keeps its limit; ended runs are removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import clock
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, Machine, choose
from runforge.core.states import State
from runforge.daemon.claims import Claims
from runforge.errors import InvalidRequest, OperationFailed
from runforge.exports import exporter
from runforge.machine.gpus import Gpus
from runforge.queue import cancel, hold, limit, move, orphaned, remove
from runforge.store import heads, verify
from runforge.store.failures import IllegalTransition
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on

FAIL = State.FAILED
OLD = 1_000_000.0


@pytest.fixture
def kit(bare_ws: Workspace) -> Iterator[Kit]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        yield Kit(journal)
    assert verify.check(bare_ws) == []


def next_up(kit: Kit) -> str | None:
    with kit.journal.read() as tx:
        head = choose(heads.first(tx), Capacity(1, 0))
    return None if head is None else head.job_id


def order(kit: Kit, lane_id: int = 1, priority: int = 0) -> str:
    with kit.journal.read() as tx:
        return "".join(row["job_id"] for row in tx.rows("jobs.places", lane_id=lane_id, priority=priority))


def jobs(kit: Kit, names: str) -> None:
    for name in names:
        kit.job(name)


# --- hold ------------------------------------------------------------------------------------------


def test_a_held_run_waits_until_it_is_released_and_the_others_go_on(kit: Kit, bare_ws: Workspace) -> None:
    jobs(kit, "abc")
    kit.claim("c")
    held = hold.hold(bare_ws, ["a", "c", "a"])
    assert [job.held for job in held.changed] == [True]
    assert [(job.job_id, reason) for job, reason in held.skipped] == [("c", "already running")]
    assert next_up(kit) == "b"
    with pytest.raises(IllegalTransition):
        kit.claim("a")
    assert hold.hold(bare_ws, ["a"]).skipped[0][1] == "already held"
    assert [job.job_id for job in hold.release(bare_ws, ["a", "b"]).changed] == ["a"]
    assert next_up(kit) == "a"


def test_a_held_run_whose_parent_ends_is_still_held(kit: Kit, bare_ws: Workspace) -> None:
    jobs(kit, "p")
    kit.job("c", on("p"), held=1)
    kit.run("p")
    assert (kit.get("c").blockers, next_up(kit)) == (0, None)
    hold.release(bare_ws, ["c"])
    assert next_up(kit) == "c"


def test_nothing_is_held_if_one_of_them_is_unknown(kit: Kit, bare_ws: Workspace) -> None:
    jobs(kit, "a")
    with pytest.raises(OperationFailed, match="no job 'nobody'"):
        hold.hold(bare_ws, ["a", "nobody"])
    assert not kit.get("a").held


# --- a group's limit -------------------------------------------------------------------------------


def test_a_group_at_its_limit_offers_no_run(kit: Kit) -> None:
    kit.group("g", run_limit=2)
    for name in "abc":
        kit.job(name, group="g")
    kit.job("z")
    kit.claim("a")
    assert next_up(kit) == "z"  # the group was served last
    kit.claim("z", "b")
    assert next_up(kit) is None
    assert kit.get_group("g").run_limit == 2
    kit.end("a", FAIL)
    assert next_up(kit) == "c"


def test_a_limit_that_is_changed_holds_for_the_runs_that_go_on(kit: Kit, bare_ws: Workspace) -> None:
    kit.group("g")
    for name in "abcd":
        kit.job(name, group="g")
    kit.claim("a", "b")
    assert next_up(kit) == "c"
    assert limit.set_limit(bare_ws, "g", 1).run_limit == 1
    assert next_up(kit) is None
    kit.end("a", FAIL)
    assert next_up(kit) is None
    limit.set_limit(bare_ws, "g", None)
    assert next_up(kit) == "c"
    with pytest.raises(InvalidRequest, match="a limit of 0 runs would start none"):
        limit.set_limit(bare_ws, "g", 0)


def test_the_daemon_counts_processors_and_memory(kit: Kit) -> None:
    for name, needs in zip(
        "abcd", (Resources(cpus=3), Resources(cpus=2), Resources(mem_mb=600), Resources()), strict=True
    ):
        kit.job(name, needs=needs)
    kit.job("e", needs=Resources(mem_mb=500))
    claims = Claims(0, 9, 0, Gpus(), machine=Machine(cpus=4, mem_mb=1000))
    with kit.journal.write() as tx:
        claims.claim_all(tx, clock.now())
    assert kit.states(*"abcde") == "rqrrq"
    kit.end("a", FAIL)
    kit.end("c", FAIL)
    with kit.journal.write() as tx:
        claims.claim_all(tx, clock.now())
    assert kit.states(*"abcde") == "frfrr"


# --- move ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moved", "place", "expected"),
    [
        ("d", move.FRONT, "dabce"),
        ("a", move.BACK, "bcdea"),
        ("db", move.FRONT, "bdace"),
        ("ca", move.BACK, "bdeac"),
        ("e", move.before("b"), "aebcd"),
        ("a", move.after("d"), "bcdae"),
        ("ea", move.after("c"), "bcaed"),
        ("abc", move.before("b"), "acbde"),
        ("abcde", move.FRONT, "abcde"),
    ],
)
def test_runs_are_moved_and_keep_their_order(
    kit: Kit, bare_ws: Workspace, moved: str, place: move.Place, expected: str
) -> None:
    jobs(kit, "abcde")
    assert move.move(bare_ws, list(moved), place).skipped == []
    assert order(kit) == expected
    assert next_up(kit) == expected[0]
    jobs(kit, "f")  # what is queued later comes after all of them
    assert order(kit) == f"{expected}f"


def test_only_runs_of_the_same_group_and_priority_change_places(kit: Kit, bare_ws: Workspace) -> None:
    kit.group("g")
    jobs(kit, "abx")
    kit.job("h", group="g")
    kit.job("p", priority=5)
    kit.claim("x")
    outcome = move.move(bare_ws, ["b", "x", "h", "p"], move.before("a"))
    assert [job.job_id for job in outcome.changed] == ["b"]
    assert [reason for _, reason in outcome.skipped] == [
        "already running",
        "not in the group of run 1",
        "has priority 5, and run 1 has 0",
    ]
    with pytest.raises(OperationFailed, match="run 3 is running"):
        move.move(bare_ws, ["a"], move.after("x"))
    everywhere = move.move(bare_ws, ["a", "h", "p"], move.FRONT)
    assert len(everywhere.changed) == 3
    assert order(kit) == "ab"


def test_ten_thousand_moves_to_one_place(kit: Kit) -> None:
    names = [f"{number:03}" for number in range(100)]
    for name in names:
        kit.job(name)
    with kit.journal.write() as tx:
        expected = names.copy()
        for number in range(10_000):
            name = names[(number * 7) % 98 + 2]
            move.move_in(tx, [name], move.after(names[0]) if number % 2 else move.before(names[1]), "now")
            expected.remove(name)
            expected.insert(1 if number % 2 else expected.index(names[1]), name)
    with kit.journal.read() as tx:
        assert [row["job_id"] for row in tx.rows("jobs.places", lane_id=1, priority=0)] == expected


# --- remove ----------------------------------------------------------------------------------------


def folders(ws: Workspace, *names: str) -> list[Path]:
    made = [path for name in names for path in (ws.run_dir(name), ws.attempt_dir(name, 1))]
    for path in made:
        path.mkdir(parents=True)
        (path / "file").write_text("x")
    return made


def test_ended_runs_are_forgotten_with_their_folders_and_empty_groups(kit: Kit, bare_ws: Workspace) -> None:
    kit.group("g")
    kit.job("a", group="g", run_dir=".runforge/runs/a")
    kit.job("b", run_dir=".runforge/runs/b")
    kit.job("c", run_dir="elsewhere/c")
    kit.job("live", on("b", "any"), run_dir=".runforge/runs/live")
    bare_ws.group_dir("g").mkdir()
    made = folders(bare_ws, "a", "b", "live")
    (bare_ws.root / "elsewhere/c").mkdir(parents=True)
    for name in "abc":
        kit.run(name, FAIL)
    outcome = remove.remove(bare_ws, ["a", "b", "c", "live"])
    assert [job.job_id for job in outcome.changed] == ["a", "b", "c"]
    assert [(job.job_id, reason) for job, reason in outcome.skipped] == [("live", "still queued")]
    assert [path.exists() for path in made] == [False] * 4 + [True] * 2
    assert (bare_ws.root / "elsewhere/c").is_dir()  # a person's own
    assert not bare_ws.group_dir("g").exists()
    assert exporter.check(bare_ws) == []
    kit.run("live")


def test_the_files_of_removed_runs_may_stay(kit: Kit, bare_ws: Workspace) -> None:
    kit.job("a", run_dir=".runforge/runs/a")
    made = folders(bare_ws, "a")
    kit.run("a", FAIL)
    remove.remove(bare_ws, ["a"], keep_files=True)
    assert [path.exists() for path in made] == [True, False]


def test_what_no_job_knows_is_found_and_deleted_and_nothing_else(kit: Kit, bare_ws: Workspace) -> None:
    known, unknown = "20260101-000000-mine-0001", "20260101-000000-mine-0002"
    kit.job(known, run_dir=f".runforge/runs/{known}", env_id="a" * 64)
    folders(bare_ws, known, unknown, "by-hand", "20260101-000000-run-01234567")
    (bare_ws.attempts_dir / "by-hand" / "1" / "file").unlink()
    group = bare_ws.group_dir("grp_20260101_000000_x")
    group.mkdir()
    envs = bare_ws.hidden / "envs"
    envs.mkdir()
    for name in "ab":
        (envs / f"{name * 64}.json").write_text("{}")
    assert orphaned.find(bare_ws) == []  # all of it is brand-new
    for path in [bare_ws.hidden, *bare_ws.hidden.rglob("*")]:
        if path.suffix not in {".db", ".db-wal", ".db-shm"}:
            os.utime(path, (OLD, OLD))
    found = orphaned.find(bare_ws)
    assert {(each.kind, each.path) for each in found} == {
        ("run", bare_ws.run_dir(unknown)),
        ("attempts", bare_ws.attempts_dir / unknown),
        ("attempts", bare_ws.attempts_dir / "by-hand"),
        ("attempts", bare_ws.attempts_dir / "20260101-000000-run-01234567"),
        ("group", group),
        ("environment", envs / f"{'b' * 64}.json"),
    }
    kit.job(unknown, run_dir=f".runforge/runs/{unknown}")  # known meanwhile
    assert len(orphaned.delete(bare_ws, found)) == 4
    assert bare_ws.run_dir(unknown).is_dir()
    assert bare_ws.run_dir("by-hand").is_dir()
    assert orphaned.find(bare_ws, young_seconds=-60.0) == []


@pytest.mark.parametrize("order", [["parent", "child", "other"], ["other", "child", "parent"]])
def test_what_ends_with_its_parent_is_canceled_in_whatever_order_they_are_named(
    bare_ws: Workspace, kit: Kit, order: list[str]
) -> None:
    kit.group("grp")
    kit.job("parent", group="grp")
    kit.job("child", on("parent"), group="grp")
    kit.job("other")
    kit.job("grandchild", on("child"))
    done = cancel.cancel(bare_ws, order, ["grp"])
    assert [(job.job_id, job.state) for job in done.changed] == [(name, State.CANCELED) for name in order]
    assert kit.get("grandchild").state is State.CANCELED
    assert kit.get_group("grp").is_canceled
    assert [reason for _, reason in cancel.cancel(bare_ws, order).skipped] == ["already canceled"] * 3
