"""A quick look at the journal: where nobody has it open, its file alone is read, and nothing is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import big
from runforge.place import Place
from runforge.store import look
from runforge.store.opening import open_journal
from runforge.store.transaction import Transaction
from runforge.workspace import Workspace


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A queue of three jobs whose file counts as unchanged for long."""
    monkeypatch.setattr(look, "_REST", 0.0)
    return big.make(tmp_path / "a?b#c%41", 3, 1)


def _count(tx: Transaction) -> int:
    return int(tx.row("look.jobs_count")[0])


def _place(here: Workspace) -> Place:
    return Place(str(here.root))


def _one_more(here: Workspace) -> None:
    """Change the counters, and write all back to the file: the last one to close it does."""
    with open_journal(here) as journal, journal.write():
        journal.connection.execute("UPDATE lanes SET succeeded = succeeded + 1 WHERE lane_id = 2")


def test_a_look_at_a_journal_that_nobody_has_open_makes_no_files(here: Workspace) -> None:
    before = {name: os.lstat(here.hidden / name).st_mtime_ns for name in os.listdir(here.hidden)}

    def read(tx: Transaction) -> tuple[int, set[str]]:
        return _count(tx), set(os.listdir(here.hidden))

    assert look.look(_place(here), read) == (3, {*before})
    assert {name: os.lstat(here.hidden / name).st_mtime_ns for name in os.listdir(here.hidden)} == before


def test_what_is_not_written_back_yet_is_seen(here: Workspace) -> None:
    with open_journal(here) as journal:
        with journal.write():
            journal.connection.execute("UPDATE lanes SET succeeded = succeeded + 1 WHERE lane_id = 2")
        assert look.look(_place(here), _count) == 4
    assert look.look(_place(here), _count) == 4


def test_a_file_that_was_just_changed_is_read_with_locks(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "_REST", 60.0)
    assert look.look(_place(here), lambda _tx: Path(f"{here.journal}-shm").exists())
    assert look.look(_place(here), _count) == 3


def test_what_was_read_while_the_file_changed_does_not_count(here: Workspace) -> None:
    def read(tx: Transaction) -> int:
        found = _count(tx)
        _one_more(here)
        return found

    def fail(_tx: Transaction) -> int:
        _one_more(here)
        raise KeyError("half of the old, half of the new")

    assert look.look(_place(here), read) is None
    assert look.look(_place(here), fail) is None
    assert look.look(_place(here), _count) == 5


def test_what_fails_for_another_reason_is_told(here: Workspace) -> None:
    def fail(_tx: Transaction) -> int:
        raise KeyError("a fault")

    with pytest.raises(KeyError, match="a fault"):
        look.look(_place(here), fail)


@pytest.mark.parametrize("change", ["journal_mode = DELETE", "user_version = 99", "application_id = 1"])
@pytest.mark.parametrize("rest", [0.0, 60.0])
def test_another_kind_of_journal_is_left_to_the_full_way(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, change: str, rest: float
) -> None:
    monkeypatch.setattr(look, "_REST", rest)
    with open_journal(here) as journal:
        journal.connection.execute(f"PRAGMA {change}").fetchall()
    assert look.look(_place(here), _count) is None
