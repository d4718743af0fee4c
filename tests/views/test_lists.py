"""A list of all jobs is read and printed in pages: it never fits into the memory if the queue is large."""

from __future__ import annotations

import json

import pytest

from bench import big, workload
from runforge.cli import listing, output
from runforge.errors import OperationFailed
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace


@pytest.fixture
def large(ws: Workspace) -> Workspace:
    return big.make(ws.root, 30, 3)


@pytest.mark.parametrize("size", [1, 7, 30, 31])
def test_the_pages_are_the_list(large: Workspace, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = lists.jobs(large)
    assert [job.number for job in whole] == list(range(1, 31))
    group = whole[0].group_id
    monkeypatch.setattr(lists, "PAGE", size)
    assert lists.jobs(large) == whole
    assert lists.jobs(large, limit=4) == whole[:4]
    assert lists.jobs(large, group_id=group) == [job for job in whole if job.group_id == group]
    state = whole[-1].state
    of_state = [job for job in whole if job.state == state]
    assert 0 < len(of_state) < 30
    assert lists.jobs(large, state=state) == of_state
    of_both = [job for job in of_state if job.group_id == of_state[0].group_id]
    assert lists.jobs(large, group_id=of_state[0].group_id, state=state) == of_both
    assert list(lists.each_chosen(large, [], f"state:{state}")) == of_state
    assert list(lists.each_chosen(large, ["20-29"], f"state:{state}")) == [
        job for job in of_state if job.number <= 29
    ]


@pytest.mark.parametrize("where", [None, "!state:running"])
def test_whoever_reads_slowly_keeps_no_snapshot(
    large: Workspace, monkeypatch: pytest.MonkeyPatch, where: str | None
) -> None:
    """A pager waits for hours: the -wal file must be free to shrink meanwhile."""
    monkeypatch.setattr(lists, "PAGE", 5)
    each = lists.each_job(large) if where is None else lists.each_chosen(large, [], where)
    first = next(each)
    with open_journal(large) as journal:
        workload.cancel_next(journal)
        is_blocked = journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    assert not is_blocked
    assert [first, *each] == lists.jobs(large)


def test_a_filter_that_nothing_matches_says_so_before_a_document_begins(
    large: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OperationFailed, match="no run matches"):
        listing.chosen(large, [], "state:running", listing.Which(), as_json=True)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("count", [0, 1, 3])
def test_items_one_by_one_print_what_a_list_prints(capsys: pytest.CaptureFixture[str], count: int) -> None:
    items = [{"a": [], "text": "two\nlines é \ud800", "of": {"x": [1, {"y": None}]}} for _ in range(count)]
    output.print_json("jobs", items)
    whole = capsys.readouterr().out
    output.print_json_list("jobs", iter(items))
    assert capsys.readouterr().out == whole
    assert json.loads(whole)["data"] == items
