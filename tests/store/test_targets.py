"""Names that a person types: what they mean, and what is said when they could mean several things."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runforge.cli import samples
from runforge.core.records import Group, Job
from runforge.documents import strict_json
from runforge.errors import OperationFailed
from runforge.queue import pause, priority, submit
from runforge.views import lists, resolve
from runforge.workspace import Workspace
from tests.tui.kit import enqueue


def single(ws: Workspace, run_id: str) -> Job:
    """Enqueue a run folder with a name that a person gave it."""
    folder = ws.runs_dir / run_id
    folder.mkdir(parents=True)
    (folder / "request.json").write_bytes(strict_json.dump(samples.request()))
    return submit.enqueue_run(ws, run_id)


def meant(ws: Workspace, name: str) -> str:
    found = resolve.either(ws, name)
    return found.group_id if isinstance(found, Group) else found.run_id


def test_names_that_people_type(ws: Workspace) -> None:
    group = enqueue(ws, name="families")
    run = lists.jobs(ws)[3]
    assert resolve.group_id(ws, "@last") == group
    assert resolve.group_id(ws, group[:8]) == group
    assert resolve.group_id(ws, "families") == group
    assert resolve.run_id(ws, run.run_id) == run.run_id
    assert resolve.run_id(ws, run.job_id) == run.run_id
    with pytest.raises(OperationFailed, match="ambiguous"):
        resolve.run_id(ws, run.run_id[:4])
    with pytest.raises(OperationFailed, match=f"Did you mean '{group}'"):
        resolve.group_id(ws, group.replace("families", "famlies"))


@pytest.mark.parametrize(
    "change",
    [
        lambda ws: pause.pause_group(ws, "grp_"),
        lambda ws: priority.set_priority(ws, "grp_", 5),
        lambda ws: priority.shift_priority(ws, ["grp_"], 1),
        lambda ws: resolve.either(ws, "grp_"),
    ],
    ids=["pause-group", "set-priority", "shift", "wait"],
)
def test_the_beginning_of_several_groups_names_them_all(
    ws: Workspace, change: Callable[[Workspace], object]
) -> None:
    groups = [enqueue(ws, name=name, runs=2) for name in ("first", "second")]
    with pytest.raises(OperationFailed, match="'grp_' is ambiguous") as refused:
        change(ws)
    assert all(group in str(refused.value) for group in groups)
    assert {job.priority for job in lists.jobs(ws)} == {0}


def test_what_means_a_run_and_a_group_is_refused_unless_it_is_the_whole_name(ws: Workspace) -> None:
    group = enqueue(ws, name="lr", runs=1)
    single(ws, "grp_like")
    single(ws, "lr-long")
    with pytest.raises(OperationFailed, match="group or run 'grp_' is ambiguous") as refused:
        resolve.either(ws, "grp_")
    assert str(refused.value).endswith(f"It could be {group}, grp_like")
    assert meant(ws, "lr") == group
    assert meant(ws, "lr-") == "lr-long"
    single(ws, "lr")
    assert meant(ws, "lr") == "lr"


def test_the_newest_of_either_is_a_group_if_there_is_one(ws: Workspace) -> None:
    single(ws, "alone")
    assert meant(ws, "@last") == "alone"
    group = enqueue(ws, runs=1)
    assert meant(ws, "@last") == group


@pytest.mark.parametrize("name", ["", "alnoe", "\x00", "é" * 200])
def test_what_means_nothing_is_refused_with_the_nearest(ws: Workspace, name: str) -> None:
    with pytest.raises(OperationFailed, match="nothing has been enqueued"):
        resolve.either(ws, name)
    single(ws, "alone")
    hint = "Did you mean 'alone'" if name == "alnoe" else "`runforge groups` and `runforge jobs` list them"
    with pytest.raises(OperationFailed, match=f"no group or run .*{hint}"):
        resolve.either(ws, name)
