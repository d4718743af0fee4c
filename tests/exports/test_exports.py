"""Exports equal the journal after every change, and cost what has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench import big
from runforge import clock
from runforge.core.outcome import Ending
from runforge.core.resources import Resources
from runforge.core.states import Cause, State
from runforge.exports import contents, export_map, list_blocks, window
from runforge.exports import exporter as exporting
from runforge.exports.exporter import Exporter
from runforge.store import records, transitions
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.transitions import end
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on, on_group

pytestmark = pytest.mark.slow

_JOBS = 1300


@pytest.fixture
def large(tmp_path: Path) -> Workspace:
    """Thirteen hundred jobs in one group of a thousand and a few small ones, exported."""
    here = big.make(tmp_path / "ws", _JOBS, 2)
    with open_journal(here) as journal:
        Exporter(here, journal).write()
    assert exporting.check(here) == []
    return here


def cancel_one(journal: Journal, dice: Random) -> None:
    with journal.write() as tx:
        waiting = [records.job(row) for row in tx.rows("jobs.all") if row["state"] == "queued"]
        ending = Ending(State.CANCELED, Cause.CANCELED, f"because of {dice.random()}")
        end(tx, dice.choice(waiting), ending, clock.now())


def made_anew(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the entries that exporters encode from now on."""
    counted: list[int] = []
    real = list_blocks.encode_items

    def encode_items(documents: list[dict[str, object]]) -> bytes:
        counted.append(len(documents))
        return real(documents)

    monkeypatch.setattr(contents, "encode_items", encode_items)
    return counted


def test_whatever_changes_the_files_equal_the_journal(large: Workspace) -> None:
    dice = Random(7)
    with open_journal(large) as journal:
        exporter = Exporter(large, journal)
        for _ in range(12):
            for _ in range(dice.randint(1, 3)):
                cancel_one(journal, dice)
            if dice.random() < 0.4:
                exporter = Exporter(large, journal)
            assert exporter.is_behind()
            exporter.write()
            assert exporting.check(large) == []
            assert not exporter.is_behind()


def test_a_change_costs_its_block_also_for_a_new_exporter(
    large: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = made_anew(monkeypatch)
    with open_journal(large) as journal:
        for _ in range(2):
            cancel_one(journal, Random(1))
            Exporter(large, journal).write()
    assert sum(counted) < 2 * 2 * _JOBS / 2
    assert exporting.check(large) == []


def test_blocks_of_another_size_are_made_anew(large: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_journal(large) as journal:
        with monkeypatch.context() as earlier:  # a version with larger ones
            for module in (window, contents, exporting, export_map):
                earlier.setattr(module, "BLOCK", 4 * window.BLOCK)
            cancel_one(journal, Random(1))
            Exporter(large, journal).write()
            assert exporting.check(large) == []
        cancel_one(journal, Random(2))
        Exporter(large, journal).write()
    assert exporting.check(large) == []


def test_new_jobs_are_added_and_pruned_ones_leave(large: Workspace) -> None:
    with open_journal(large) as journal:
        exporter = Exporter(large, journal)
        with journal.write() as tx:
            first = records.job(tx.rows("jobs.all")[0])
            values = {"job_id": "new", "run_id": "new", "group_id": None, "lane_id": 1, "run_dir": "x"}
            more = {"priority": 0, "dry_run_seconds": None, "overrides": "{}"}
            transitions.enqueue(tx, Resources(), **values, **more, now=clock.now())
        exporter.write()
        assert exporting.check(large) == []
        with journal.write() as tx:
            tx.run("jobs.delete", job_id=first.job_id)
        exporter.write()
    assert exporting.check(large) == []
    jobs = json.loads(large.queue_json.read_bytes())["jobs"]
    assert (len(jobs), jobs[-1]["run_id"]) == (_JOBS, "new")


def test_what_a_run_waits_for_is_shown_until_it_has_ended(bare_ws: Workspace) -> None:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        kit, exporter = Kit(journal), Exporter(bare_ws, journal)
        kit.group("g")
        kit.job("m", group="g")
        kit.job("p", name="prep", tags='["a", "b"]')
        kit.job("c", on_group("g", "any"), on("p"), held=1, not_before="2030-01-01T00:00:00.000Z", delayed=1)

        def shown(name: str) -> dict[str, Any]:
            exporter.write()
            assert exporting.check(bare_ws) == []
            jobs = json.loads(bare_ws.queue_json.read_bytes())["jobs"]
            return next(job for job in jobs if job["job_id"] == name)

        waits_for = [
            {"kind": "group", "id": "g", "condition": "any"},
            {"kind": "run", "id": "p", "condition": "ok"},
        ]
        new = ("number", "name", "tags", "held", "not_before", "waiting_on")
        assert [shown("p")[field] for field in new] == [2, "prep", ["a", "b"], False, None, []]
        assert [shown("c")[field] for field in new] == [
            *(3, None, [], True, "2030-01-01T00:00:00.000Z"),
            waits_for,
        ]
        kit.run("m")
        assert shown("c")["waiting_on"] == waits_for[1:]
        kit.run("p", State.FAILED)
        assert shown("c")["waiting_on"] == []


@pytest.mark.parametrize("victim", ["queue.json", "queue.map", "group.json"])
@pytest.mark.parametrize("how", ["deleted", "shortened", "same size", "map of lies"])
def test_a_file_that_somebody_touched_is_made_anew(large: Workspace, victim: str, how: str) -> None:
    groups = sorted((large.hidden / "groups").glob("*/group.json"))
    path = {"queue.json": large.queue_json, "queue.map": large.queue_map, "group.json": groups[0]}[victim]
    data = path.read_bytes()
    path.unlink()
    if how == "shortened":
        path.write_bytes(data[: len(data) // 2])
    elif how == "same size":
        path.write_bytes(b"x" * len(data))
    elif how == "map of lies" and victim == "queue.map":
        found = json.loads(data)
        found["blocks"] = [[number, length * 1000] for number, length in found["blocks"]]
        path.write_text(json.dumps(found))
    with open_journal(large) as journal:
        exporter = Exporter(large, journal)
        cancel_one(journal, Random(3))
        exporter.write()
    assert exporting.check(large) == []


def test_an_edit_while_the_daemon_lives_is_found(large: Workspace) -> None:
    with open_journal(large) as journal:
        exporter = Exporter(large, journal)
        exporter.look()
        assert not exporter.is_behind()
        os.utime(large.queue_json, ns=(1, 1))
        exporter.look()
        assert exporter.is_behind()


def test_a_folder_in_the_place_of_one_file_costs_that_file_alone(large: Workspace) -> None:
    with open_journal(large) as journal:
        exporter = Exporter(large, journal)
        large.queue_json.unlink()
        (large.queue_json / "in the way").mkdir(parents=True)
        cancel_one(journal, Random(5))
        with pytest.raises(IsADirectoryError):
            exporter.write()
        problems = exporting.check(large)
        assert len(problems) == 1
        assert "queue.json" in problems[0]
        (large.queue_json / "in the way").rmdir()
        large.queue_json.rmdir()
        exporter.write()
    assert exporting.check(large) == []
