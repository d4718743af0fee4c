"""Names that a person types: what they mean, and what is said when they could mean several things."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from runforge.cli import samples
from runforge.core.records import Group, Job
from runforge.core.submission import Submission
from runforge.documents import strict_json
from runforge.errors import InvalidRequest, OperationFailed, RunForgeError
from runforge.queue import cancel, pause, priority, submit
from runforge.store import targets
from runforge.store.opening import open_journal
from runforge.views import lists, resolve
from runforge.workspace import Workspace
from tests.tui.kit import enqueue


def single(ws: Workspace, run_id: str, group: str | None = None) -> Job:
    """Enqueue a run folder with a name that a person gave it."""
    folder = ws.runs_dir / run_id
    folder.mkdir(parents=True)
    (folder / "request.json").write_bytes(strict_json.dump(samples.request()))
    return submit.enqueue_run(ws, run_id, Submission(group=group))


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


def chosen(ws: Workspace, *texts: str, where: str | None = None) -> list[int]:
    """Return the numbers of the jobs that the targets mean."""
    with open_journal(ws) as journal, journal.read() as tx:
        return [job.seq for job in targets.select(tx, texts, where).jobs]


@pytest.fixture
def ten(ws: Workspace) -> tuple[Workspace, str, str]:
    """Jobs 1-4 are a group, 5 is `alone`, 6-9 are a group, 10 is `12-baseline`. 7 has gone."""
    first, _ = enqueue(ws, name="first", runs=4), single(ws, "alone")
    second, _ = enqueue(ws, name="second", runs=4), single(ws, "12-baseline")
    cancel.cancel_run(ws, "7")
    with open_journal(ws) as journal, journal.write():
        journal.connection.execute("DELETE FROM jobs WHERE seq = 7")
    return ws, first, second


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1"], [1]),
        (["3-5,10"], [3, 4, 5, 10]),
        (["6-9"], [6, 8, 9]),
        (["9-9999"], [9, 10]),
        (["10", "1", "1-2"], [10, 1, 2]),
        (["12"], [10]),
        (["12-b"], [10]),
        (["second"], [6, 8, 9]),
        (["second", "8", "alone"], [6, 8, 9, 5]),
        (["@last"], [10]),
        (["@last~1"], [6, 8, 9]),
        (["@last~2"], [5]),
        (["@last~3"], [1, 2, 3, 4]),
    ],
)
def test_targets_mean_each_job_once(
    ten: tuple[Workspace, str, str], texts: list[str], expected: list[int]
) -> None:
    assert chosen(ten[0], *texts) == expected


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("9-3", 2, "'9-3' is no target. Numbers are written 12 or 3-9,12"),
        ("3-", 2, "'3-' is no target"),
        ("-", 2, "'-' is no target"),
        ("3,,4", 2, "'3,,4' is no target"),
        ("0", 2, "'0' is no target"),
        ("@last~x", 2, "Write @last or @last~1"),
        ("@last~", 2, "Write @last or @last~1"),
        ("@last~4", 1, "there is no @last~4: fewer have been queued"),
        ("7", 1, "no run has the number 7. The numbers go from 1 to 10"),
        ("3,11", 1, "no run has the number 11"),
        ("20-30", 1, "no run has the number 20-30"),
        ("secnd", 1, "Did you mean 'second'"),
        ("20261126-9", 1, "no group or run '20261126-9'"),
    ],
)
def test_a_target_that_means_nothing_is_refused(
    ten: tuple[Workspace, str, str], text: str, code: int, said: str
) -> None:
    with pytest.raises(RunForgeError, match=re.escape(said)) as refused:
        chosen(ten[0], text)
    assert refused.value.exit_code == code


def test_a_whole_id_wins_over_a_number_and_a_number_over_a_name(ws: Workspace) -> None:
    single(ws, "3")
    enqueue(ws, name="2", runs=2)
    assert chosen(ws, "3") == [1]
    assert chosen(ws, "2") == [2]
    assert resolve.run_id(ws, "3") == "3"
    assert lists.run(ws, "2").job.run_id == lists.jobs(ws)[1].run_id


def test_where_runs_are_wanted_a_number_and_last_count_runs(ten: tuple[Workspace, str, str]) -> None:
    ws, first, second = ten
    assert resolve.run_id(ws, "5") == resolve.run_id(ws, "@last~4") == "alone"
    assert (resolve.group_id(ws, "@last"), resolve.group_id(ws, "@last~1")) == (second, first)
    with pytest.raises(InvalidRequest, match="one run is wanted here"):
        resolve.run_id(ws, "5-6")
    with pytest.raises(OperationFailed, match="there is no @last~2"):
        resolve.group_id(ws, "@last~2")


def test_what_joins_a_group_later_was_queued_last_alone(ten: tuple[Workspace, str, str]) -> None:
    ws, first, _ = ten
    single(ws, "joined", group=first)
    assert chosen(ws, "@last") == [11]
    assert chosen(ws, "first") == [1, 2, 3, 4, 11]
    assert chosen(ws, "@last~4") == [1, 2, 3, 4, 11]


def test_a_filter_chooses_among_the_targets_or_among_all(ten: tuple[Workspace, str, str]) -> None:
    ws = ten[0]
    assert chosen(ws, where="C=0.1") == [1, 6]
    assert chosen(ws, "second", where="C=0.1 state:queued") == [6]
    assert chosen(ws, where="group:first !C=0.1") == [2, 3, 4]
    with open_journal(ws) as journal, journal.read() as tx:
        assert targets.select(tx, ["second"], "C=0.1").groups == []
        assert [group.group_id for group in targets.select(tx, ["second"]).groups] == [ten[2]]
        assert len(targets.select(tx, ["second", "8"]).named) == 1
    with pytest.raises(OperationFailed, match="no run matches --where 'state:failed'"):
        chosen(ws, where="state:failed")
    with pytest.raises(InvalidRequest, match="no target is given"):
        chosen(ws)
