"""Every place that names a best run names the same: the exports, the commands, the screens, the queries."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.exports import documents
from runforge.queue import submit
from runforge.store import records
from runforge.store.opening import open_journal, open_snapshot
from runforge.views import lists, ranking, trials
from runforge.views.queue_snapshot import QueueReader
from runforge.workspace import Workspace

RUNS = 6
Values = Sequence[tuple[str, str | None, float | None]]
JOBS = st.lists(
    st.tuples(
        st.sampled_from(["succeeded", "succeeded", "failed"]),
        st.sampled_from(["val_loss", "val_loss", "acc", "foo", None]),
        st.one_of(st.none(), st.sampled_from([0.0, 0.5, -1.0, math.inf, -math.inf, math.nan]), st.floats()),
    ),
    min_size=RUNS,
    max_size=RUNS,
)
FINITE = [("succeeded", "val_loss", value) for value in (0.5, 0.25, 0.75, 0.25, 1.0)]
OBJECTIVES = st.sampled_from([None, ("val_loss", "minimize"), ("val_loss", "maximize"), ("foo", "minimize")])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("best") / "ws")


def ended(ws: Workspace, jobs: Values, objective: tuple[str, str] | None = None) -> str:
    """Enqueue a group whose runs have ended like this; return its id."""
    runs = [{"model.hyperparameters.n": number} for number in range(len(jobs))]
    base = {
        **samples.request(),
        "model": {"family": "command", "command": ["true"]},
    }  # it may report anything
    plan = {**samples.plan(str(ws.root)), "base_request": base, "strategy": {"type": "list", "runs": runs}}
    plan.pop("objective", None)
    if objective:
        plan["objective"] = {"metric": objective[0], "direction": objective[1]}
    group_id = submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json").group_id
    now = "2026-01-01T00:00:00.000Z"
    with open_journal(ws) as journal, journal.write() as tx:
        rows = tx.rows("jobs.of_group", group_id=group_id)
        run = journal.connection.execute
        for row, (state, name, value) in zip(rows, jobs, strict=True):
            run("UPDATE jobs SET state='running', started_at=? WHERE seq=?", (now, row["seq"]))
            run(
                "UPDATE jobs SET state=?, finished_at=?, metric_name=?, metric_value=? WHERE seq=?",
                (state, now, name, value if name else None, row["seq"]),
            )
    return group_id


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@example(jobs=[*FINITE, ("succeeded", "val_loss", math.inf)], objective=("val_loss", "maximize"))
@example(jobs=[*FINITE, ("succeeded", "val_loss", -math.inf)], objective=("val_loss", "minimize"))
@example(jobs=[*FINITE, ("failed", "val_loss", 9.0)], objective=("val_loss", "maximize"))
@example(jobs=[("succeeded", "acc", None), *FINITE], objective=None)
@example(jobs=[("succeeded", "foo", 1.0), *FINITE], objective=None)
@example(jobs=[*FINITE, ("succeeded", "acc", 9.0)], objective=None)
@given(jobs=JOBS, objective=OBJECTIVES)
def test_all_name_the_same_best_run(lab: Workspace, jobs: Values, objective: tuple[str, str] | None) -> None:
    group_id = ended(lab, jobs, objective)
    group = next(group for group in lists.groups(lab) if group.group_id == group_id)
    with open_snapshot(lab) as journal, journal.read() as tx:
        row = records.group(tx.row("groups.by_id", group_id=group_id))
        exported = documents.best_run(tx, row)
    best = ranking.ranked(lab, group_id).best_first
    assert (exported.run_id if exported else None) == (best[0].run_id if best else None)
    table = trials.read(lab, group_id)
    assert table.jobs[: table.ranked] == best
    assert len(table.jobs) == RUNS
    reader = QueueReader(lab)
    progress = reader.progress(group)
    reader.close()
    assert progress.best == (best[0].metric_value if best else None)
    assert not best or math.isfinite(best[0].metric_value or 0.0)


def test_a_run_that_diverged_says_so_and_is_not_best(ws: Workspace) -> None:
    values = [("succeeded", "val_loss", value) for value in (None, 0.5, 0.25)]
    group_id = ended(ws, values)
    found = ranking.ranked(ws, group_id)
    assert [job.metric_value for job in found.best_first] == [0.25, 0.5]
    assert [job.to_json()["diverged"] for job in found.jobs] == [True, False, False]
    with open_snapshot(ws) as journal, journal.read() as tx:
        entries = documents.run_entries(tx.rows("jobs.of_group", group_id=group_id))
    assert entries[0]["primary_metric"] is None
    assert [entry["diverged"] for entry in entries] == [True, False, False]
    json.dumps(entries, allow_nan=False)


def test_an_unknown_direction_claims_no_best_and_says_why(ws: Workspace) -> None:
    group_id = ended(ws, [("succeeded", "foo", 0.5), ("succeeded", "foo", 0.25)])
    found = ranking.ranked(ws, group_id)
    assert found.best_first == []
    assert found.why_none.startswith("it is unknown whether foo is better high or low")
    assert lists.groups(ws)[0].direction is None
    table = trials.read(ws, group_id)
    assert (table.ranked, table.metric, table.why_none) == (0, "foo", found.why_none)
