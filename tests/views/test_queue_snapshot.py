"""The live picture of a queue: order, filters, and a journal that comes, goes and is replaced."""

from __future__ import annotations

import re
import shutil

import pytest

from runforge.cli import samples
from runforge.core.filters import parse, required
from runforge.errors import InvalidRequest
from runforge.queue import priority, submit
from runforge.store.opening import open_journal
from runforge.views.queue_snapshot import SORTS, JobQuery, QueueReader
from runforge.workspace import Workspace


def fill(ws: Workspace) -> None:
    plan = samples.plan(str(ws.root))
    axis = {"path": "model.hyperparameters.C", "values": [0.1, 0.2, 1, 10]}
    for name in ("first", "se%ond_1"):
        strategy = {"type": "grid", "parameters": [axis]}
        document = {**plan, "group": {"name": name}, "strategy": strategy}
        submit.enqueue_sweep(ws, samples.encode(document), where="plan.json")
    with open_journal(ws) as journal, journal.write():
        run = journal.connection.execute
        run(
            "UPDATE jobs SET state='running', started_at='2026-01-01T00:00:00.000Z' WHERE seq IN (2, 3, 4, 5)"
        )
        end = "UPDATE jobs SET state=?, finished_at=?, error=?, metric_value=? WHERE seq=?"
        run(end, ("failed", "2026-01-01T00:00:09.000Z", "exit code 3", None, 3))
        run(end, ("succeeded", "2026-01-01T00:00:05.000Z", None, 0.5, 4))
        run(end, ("succeeded", "2026-01-01T00:00:07.000Z", None, 0.25, 5))
        run("UPDATE jobs SET metric_name='accuracy' WHERE metric_value IS NOT NULL")
        run("UPDATE jobs SET cause='exit' WHERE seq = 3")
        run("UPDATE jobs SET name='resnet' WHERE seq = 1")
        run("UPDATE jobs SET tags=? WHERE seq = ?", ('["paper", "x"]', 1))
        run("UPDATE jobs SET tags=? WHERE seq = ?", ('["paper", "old"]', 2))
        run("UPDATE jobs SET tags=? WHERE seq = ?", ('["Paper"]', 3))


def order(ws: Workspace, text: str = "", sort: str = "live", *, is_reversed: bool = False) -> list[int]:
    reader = QueueReader(ws)
    try:
        return list(reader.snapshot(JobQuery(parse(text), sort, is_reversed)).order)
    finally:
        reader.close()


def test_live_order_is_running_queued_and_the_newest_end_first(ws: Workspace) -> None:
    fill(ws)
    priority.set_priority(ws, "@last", 7)  # the newest group
    assert order(ws) == [2, 6, 7, 8, 1, 3, 5, 4]
    assert order(ws, "!nothing") == order(ws)  # the filtered way gives the same order
    assert order(ws, is_reversed=True) == order(ws)[::-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state:failed", {3}),
        ("s:f", {3}),
        ("state:succeeded,failed", {3, 4, 5}),
        ("failed", {3}),
        ("EXIT", {3}),
        ("group:se_ond", {5, 6, 7, 8}),
        ("group:se%ond", set()),
        ("group:second", set()),
        ("C=0.1", {1, 5}),
        ("C=1", {3, 7}),
        ('"C=1"', {3, 4, 7, 8}),
        ("hyperparameters.C=1.0", {3, 7}),
        ("ters.C=1", set()),
        ("C=1e1", {4, 8}),
        ("C>0.1 C<=1", {2, 3, 6, 7}),
        ("C!=0.1 state:q", {6, 7, 8}),
        ("C>high", set()),
        ("accuracy<=0.25", {5}),
        ("accuracy>0.1", {4, 5}),
        ("2,4-5", {2, 4, 5}),
        ("number:7-99 !8", {7}),
        ("5-4", set()),
        ("tag:paper", {1, 2}),
        ("paper !old", {1, 3}),
        ("tag:Paper,old !tag:paper", {3}),
        ("name:res", {1}),
        ("name:r_s", set()),
        ("cause:exit,oom", {3}),
        ("!cause:exit state:f", set()),
        ("!state:queued,running", {3, 4, 5}),
        ("!group:second", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("!group:first", {5, 6, 7, 8}),
        ('"exit code"', {3}),
        ("stat:failed", set()),
        ("C=", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("!C=10 !queued", {2, 3, 5}),
        ("sweep-0002", {2}),
        ("state:bogus", set()),
        ("state:", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("!", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("'; DROP TABLE jobs; --", set()),
        ("\x00", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("\ud800", set()),
    ],
)
def test_filters(ws: Workspace, text: str, expected: set[int]) -> None:
    fill(ws)
    assert set(order(ws, text)) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "state:bogus",
            "no state begins with 'bogus'; known are queued, running, succeeded, failed, canceled",
        ),
        ("cause:bogus", "no cause begins with 'bogus'"),
        ("stat:failed", "no field is called 'stat'. Did you mean 'state'"),
        ("colour:red", "Known are state:, group:, name:, tag:, cause:, number:"),
        ("lr>high", "lr> needs a number, not 'high'"),
        ("number:a", "write number:3-9,12"),
        ("9-3", "write number:3-9,12"),
        ("state:", "'state:' has no value"),
        ("", "the filter is empty"),
        ("!", "the filter is empty"),
    ],
)
def test_a_filter_that_chooses_runs_to_change_is_refused_if_a_part_of_it_means_nothing(
    text: str, problem: str
) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(problem)):
        required(text)


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_shows_every_job_both_ways(ws: Workspace, sort: str) -> None:
    fill(ws)
    assert sorted(order(ws, sort=sort)) == list(range(1, 9))
    assert sorted(order(ws, sort=sort, is_reversed=True)) == list(range(1, 9))


def test_metrics_sort_largest_first_and_the_rest_last(ws: Workspace) -> None:
    fill(ws)
    assert order(ws, sort="metric")[:2] == [4, 5]
    assert order(ws, sort="metric", is_reversed=True)[:2] == [5, 4]


def test_a_journal_that_is_replaced_is_opened_anew(ws: Workspace) -> None:
    reader = QueueReader(ws)
    assert reader.version() == (0, 0)
    assert not reader.snapshot(JobQuery()).has_journal
    fill(ws)
    first = reader.version()
    assert reader.snapshot(JobQuery()).total == 8
    other = ws.journal.with_name("copy")
    with open_journal(ws) as journal:
        journal.checkpoint()
    shutil.copy(ws.journal, other)
    other.replace(ws.journal)
    assert reader.version() != first
    assert reader.snapshot(JobQuery()).total == 8
    reader.close()
