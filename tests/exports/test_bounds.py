"""However many jobs and groups there are, one write of the exports is bounded; what is shown is right all the time."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench import big
from runforge import clock
from runforge.core.outcome import Ending
from runforge.core.states import Cause, State
from runforge.exports import exporter as exporting
from runforge.exports import window
from runforge.exports.exporter import Exporter
from runforge.queue import cancel, pause, prune, retry
from runforge.store import records
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.transitions import end
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit

pytestmark = pytest.mark.slow

_ENDED = 100


def limited(here: Workspace, ended: object) -> None:
    path = here.hidden / "config.toml"
    path.write_text(f"[exports]\nended_jobs = {json.dumps(ended)}\n")
    path.chmod(0o600)


@pytest.fixture
def large(tmp_path: Path) -> Workspace:
    """Two thousand jobs, most of which have ended, in four groups; queue.json shows a hundred of the ended ones."""
    here = big.make(tmp_path / "ws", 2_000, 4)
    limited(here, _ENDED)
    with open_journal(here) as journal:
        Exporter(here, journal).write()
    return here


def document(here: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(here.queue_json.read_bytes())
    return found


def wanted(journal: Journal, ended: int = _ENDED) -> list[str]:
    """Return the jobs that queue.json must show, from the tables alone."""
    with journal.read() as tx:
        rows = tx.rows("jobs.all")
    over = sorted((row["finished_at"], row["seq"]) for row in rows if row["finished_at"] is not None)[-ended:]
    kept = {seq for _, seq in over}
    return [row["job_id"] for row in rows if row["finished_at"] is None or row["seq"] in kept]


def end_some(journal: Journal, count: int, dice: Random) -> None:
    with journal.write() as tx:
        waiting = [records.job(row) for row in tx.rows("jobs.all") if row["state"] == "queued"]
        for job in dice.sample(waiting, count):
            end(tx, job, Ending(State.CANCELED, Cause.CANCELED, "because"), clock.now())


def test_it_shows_what_has_not_ended_and_the_newest_of_the_rest(large: Workspace) -> None:
    dice = Random(11)
    with open_journal(large) as journal:
        exporter = Exporter(large, journal)
        for _ in range(6):
            end_some(journal, 17, dice)
            if dice.random() < 0.5:
                exporter = Exporter(large, journal)
            exporter.write()
            shown = document(large)
            assert [job["job_id"] for job in shown["jobs"]] == wanted(journal)
            assert shown["jobs_total"] == 2_000
            assert shown["jobs_left_out"] == 2_000 - len(shown["jobs"])
            assert exporting.check(large) == []


def test_a_retry_brings_one_back_and_a_prune_lets_older_ones_in(large: Workspace) -> None:
    with open_journal(large) as journal:
        with journal.read() as tx:
            failed = [
                row["job_id"] for row in tx.rows("jobs.page_in_state", state="failed", after=0, limit=3)
            ]
        assert not {job["job_id"] for job in document(large)["jobs"]} & set(failed)
        retry.retry(large, failed)
        assert [job["job_id"] for job in document(large)["jobs"]] == wanted(journal)
        cancel.cancel_group(large, first_group(journal))
        assert [job["job_id"] for job in document(large)["jobs"]] == wanted(journal)
        assert prune.prune(large, -60.0).jobs > 0
        assert [job["job_id"] for job in document(large)["jobs"]] == wanted(journal)
    assert exporting.check(large) == []


def first_group(journal: Journal) -> str:
    with journal.read() as tx:
        return str(tx.rows("groups.ids")[0][0])


@pytest.mark.parametrize(("said", "shown"), [("all", 2_000), (1_700, 1_900), (1, 201)])
def test_the_setting_is_obeyed_at_the_next_change(large: Workspace, said: object, shown: int) -> None:
    limited(large, said)
    with open_journal(large) as journal:
        pause.pause_group(large, first_group(journal))
        found = document(large)
        assert (len(found["jobs"]), found["jobs_left_out"]) == (shown, 2_000 - shown)
        assert [job["job_id"] for job in found["jobs"]] == wanted(
            journal, 2_000 if said == "all" else int(str(said))
        )
    assert exporting.check(large) == []


def test_a_setting_that_is_wrong_keeps_no_change_from_being_shown(large: Workspace) -> None:
    limited(large, "some")
    with open_journal(large) as journal:
        pause.pause_group(large, first_group(journal))
    assert len(document(large)["jobs"]) == 2_000


# --- groups ----------------------------------------------------------------------------------------


@pytest.fixture
def many(bare_ws: Workspace) -> Workspace:
    """A hundred groups of one job each; nothing was exported yet."""
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        kit = Kit(journal)
        for number in range(100):
            kit.group(f"g{number}")
            kit.job(f"j{number}", group=f"g{number}")
    return bare_ws


def bring_up(here: Workspace, journal: Journal) -> int:
    """Write until the files show everything, each time with a new exporter; return how often."""
    writes = 0
    while not (exporter := Exporter(here, journal)).is_current():
        exporter.write()
        writes += 1
    return writes


def test_a_command_writes_few_groups_and_its_own_among_them(many: Workspace) -> None:
    with open_journal(many) as journal:
        bring_up(many, journal)
    many.queue_map.unlink()  # nobody knows any more what the files show
    before = {path: os.stat(path).st_ino for path in many.hidden.glob("groups/*/group.json")}
    assert len(before) == 100
    pause.pause_group(many, "g3")
    written = [path for path, inode in before.items() if os.stat(path).st_ino != inode]
    assert 0 < len(written) <= exporting._CHANGED_AT_ONCE
    assert json.loads((many.group_dir("g3") / "group.json").read_bytes())["paused"] is True


def test_a_command_that_changes_no_group_writes_few_of_the_others(many: Workspace) -> None:
    with open_journal(many) as journal:
        bring_up(many, journal)
        many.queue_map.unlink()
        pause.pause_group(many, "g3")
        Kit(journal).job("alone")
    before = {path: os.stat(path).st_ino for path in many.hidden.glob("groups/*/group.json")}
    exporting.refresh(many)
    written = [path for path, inode in before.items() if os.stat(path).st_ino != inode]
    assert len(written) == exporting._OTHERS_OF_A_COMMAND < exporting._OTHERS_AT_ONCE


def test_all_are_right_after_some_writes_whoever_makes_them(many: Workspace) -> None:
    with open_journal(many) as journal:
        assert 2 < bring_up(many, journal) < 10
    assert exporting.check(many) == []


def test_as_many_groups_as_a_command_has_changed_are_shown_when_it_returns(many: Workspace) -> None:
    with open_journal(many) as journal:
        bring_up(many, journal)
    cancel.cancel(many, [f"j{number}" for number in range(100)])
    assert exporting.check(many) == []


def test_of_very_many_groups_only_the_newest_are_looked_at(
    many: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_GROUPS_WATCHED", 5)
    looked: list[str] = []
    real = os.lstat

    def lstat(path: Any, **more: Any) -> os.stat_result:
        looked.append(str(path))
        return real(path, **more)

    with open_journal(many) as journal:
        bring_up(many, journal)
        with monkeypatch.context() as patched:
            patched.setattr(os, "lstat", lstat)
            Exporter(many, journal).look()
        assert len([path for path in looked if path.endswith("group.json")]) == 2 * 5
        (many.group_dir("g97") / "group.json").write_text("{}")
        bring_up(many, journal)
    assert exporting.check(many) == []


def test_the_note_of_an_older_version_is_not_believed(large: Workspace) -> None:
    note = json.loads(large.queue_map.read_bytes())
    for field in ("oldest", "changed", "unknown"):
        del note[field]
    large.queue_map.write_text(json.dumps(note))
    with open_journal(large) as journal:
        Exporter(large, journal).write()
    assert exporting.check(large) == []


def test_that_very_many_ended_at_one_moment_costs_an_export_nothing(large: Workspace) -> None:
    """As after the end of a whole queue. SQLite counts its own steps."""
    dice, steps = Random(5), itertools.count()
    with open_journal(large) as journal:
        end_some(journal, 60, dice)
        ends = sorted((row["finished_at"], row["seq"]) for row in ended(journal))
        moments = {moment for moment, _ in ends}
        assert len(moments) > 1
        for _ in range(40):
            first, last = sorted(dice.sample([*ends[-200:], *dice.sample(ends, 50), ("", 0)], 2))
            between = {seq // window.BLOCK for moment, seq in ends if first <= (moment, seq) < last}
            with journal.read() as tx:
                assert window.blocks_between(tx, window.Oldest(*first), window.Oldest(*last)) == between
                shown = {seq // window.BLOCK for moment, seq in ends if first <= (moment, seq)}
                live = {
                    row["seq"] // window.BLOCK for row in tx.rows("jobs.all") if row["finished_at"] is None
                }
                assert window.blocks(tx, window.Oldest(*first)) == sorted(shown | live)
        near, far = (window.Oldest(*ends[place]) for place in (1700, 1705))
        assert near.finished_at == far.finished_at
        with journal.read() as tx:
            journal.connection.set_progress_handler(lambda: next(steps) and None, 1)
            try:
                window.blocks_between(tx, near, far)
            finally:
                journal.connection.set_progress_handler(None, 0)
    assert next(steps) < 600, "five of 1,800 are read"


def ended(journal: Journal) -> list[Any]:
    with journal.read() as tx:
        return [row for row in tx.rows("jobs.all") if row["finished_at"] is not None]
