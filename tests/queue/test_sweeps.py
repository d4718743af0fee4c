"""Sweeps that are queued, queued again and extended: which runs are new, and which the group has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runforge import clock
from runforge.core.records import Group, Job
from runforge.core.states import State
from runforge.core.study import Study
from runforge.core.submission import Submission
from runforge.documents import strict_json
from runforge.documents.request_options import Objective
from runforge.drills.plans import plan, request
from runforge.errors import InvalidPlan, InvalidRequest, OperationFailed
from runforge.queue import cancel, edit, edit_group, extending, ordering, submit, submitting
from runforge.queue.edit_group import GroupEdit, edit_groups
from runforge.queue.edit_wish import Edit
from runforge.queue.ordering import Order, Searched
from runforge.queue.submitting import Submitted
from runforge.store import records, studies, targets, verify
from runforge.store.opening import open_journal
from runforge.sweeps.combine import combine
from runforge.sweeps.values import parse
from runforge.workspace import Workspace

H = "model.hyperparameters"
LR, LAYERS = "lr=1e-5..1e-1:log", "layers=1..8"


def order(*axes: str, group: str = "lm", **more: Any) -> Order:
    model = {"family": "command", "command": ["echo", "{args}"], "hyperparameters": {}, "folder": "/"}
    base = {
        "version": 1,
        "preset": "custom",
        "created_at": "2026-01-01",
        "created_by": "test",
        "model": model,
        "device": {"type": "cpu"},
        "name": "t",
    }
    sweep = combine([parse(text) for text in axes], (), (), 10**9)
    return Order(base, "t", Submission(group=group), sweep=sweep, **more)


def send(ws: Workspace, asked: Order) -> Submitted:
    return submitting.submit(ws, asked, ordering.prepare(asked))


def jobs(ws: Workspace) -> list[Job]:
    with open_journal(ws) as journal, journal.read() as tx:
        return [records.job(row) for row in tx.rows("jobs.all")]


def values(ws: Workspace) -> list[dict[str, Any]]:
    return [{k.removeprefix(f"{H}."): v for k, v in json.loads(j.overrides).items()} for j in jobs(ws)]


def study(ws: Workspace, name: str = "lm") -> tuple[Group, Study]:
    with open_journal(ws) as journal, journal.read() as tx:
        group = targets.group(tx, name)
        found = studies.of_group(tx, group.group_id)
    assert found is not None
    return group, found


def test_the_same_sweep_again_has_nothing_new(ws: Workspace) -> None:
    send(ws, order("a=1..4"))
    again = send(ws, order("a=3..6"))
    assert [run.state for run in again.sifted.known] == ["queued", "queued"]
    assert [run.number for run in again.sifted.known] == [3, 4]
    assert [each["a"] for each in values(ws)] == [1, 2, 3, 4, 5, 6]
    once_more = send(ws, order("a=3..6"))
    assert (once_more.run_ids, len(once_more.sifted.known)) == ((), 4)
    assert verify.check(ws) == []


def test_duplicates_are_made_if_asked_for_and_single_runs_always(ws: Workspace) -> None:
    send(ws, order("a=1,2"))
    assert len(send(ws, order("a=1,2", allow_duplicates=True)).run_ids) == 2
    single = order()._replace(sweep=None)
    assert [len(send(ws, single).run_ids) for _ in range(2)] == [1, 1]
    assert len(jobs(ws)) == 6


def test_values_twice_in_one_sweep_are_one_run(ws: Workspace) -> None:
    made = send(ws, order("a=1,1,2"))
    assert (len(made.run_ids), made.sifted.doubles) == (2, 1)


def test_repeats_have_a_counter_and_the_first_is_the_run_itself(ws: Workspace) -> None:
    send(ws, order("a=1,2"))
    made = send(ws, order("a=1,2", repeat=3))
    assert (len(made.run_ids), len(made.sifted.known)) == (4, 2)
    assert values(ws)[2:] == [{"a": a, "repeat": n} for a in (1, 2) for n in (2, 3)]
    assert len({job.config_hash for job in jobs(ws)}) == 6
    assert len({job.recipe for job in jobs(ws)}) == 1


def test_a_random_sweep_is_its_seed_s_and_is_extended_by_number(ws: Workspace) -> None:
    send(ws, order(LR, LAYERS, search=Searched("random", 5)))
    again = send(ws, order(LR, LAYERS, search=Searched("random", 7)))
    assert (len(again.run_ids), len(again.sifted.known)) == (2, 5)
    extending.extend(ws, "lm", [], 4)
    assert [job.trial_no for job in jobs(ws)] == list(range(11))
    send(ws, order(LR, LAYERS, group="all", search=Searched("random", 11)))
    made = values(ws)
    assert made[:11] == made[11:]
    send(ws, order(LR, LAYERS, group="other", search=Searched("random", 11, 1)))
    assert values(ws)[22:] != made[:11]
    group, found = study(ws)
    assert (found.method, found.made, found.wanted, group.is_open) == ("random", 11, 11, False)
    assert verify.check(ws) == []


def test_a_random_extension_draws_only_what_is_new_and_says_when_nothing_is_left(ws: Workspace) -> None:
    send(ws, order("a=1..3", "b=x,y", search=Searched("random", 4)))
    done = extending.extend(ws, "lm", [], 10)
    assert (len(done.run_ids), done.sifted.known) == (2, [])
    assert "2 different trials" in str(done.ended)
    assert len({json.dumps(each) for each in values(ws)}) == 6


def test_a_grid_is_extended_by_values(ws: Workspace) -> None:
    send(ws, order("a=1,2", "b=x,y"))
    done = extending.extend(ws, "lm", ["a=2,3", "b=z"], None)
    assert (len(done.run_ids), len(done.sifted.known)) == (5, 4)
    assert {(each["a"], each["b"]) for each in values(ws)} == {(a, b) for a in (1, 2, 3) for b in "xyz"}
    assert len(extending.extend(ws, "lm", ["a=4"], None).run_ids) == 3
    assert {job.name for job in jobs(ws)} == {"t"}
    assert verify.check(ws) == []


def test_a_plan_s_sweep_is_extended_too(ws: Workspace) -> None:
    base = request()
    strategy = {"type": "random", "number": 3, "seed": 1, "repeat": 2, "parameters": [LOW_HIGH]}
    data = strict_json.dump(plan(ws.root, base, strategy, name="lm"))
    assert len(submit.enqueue_sweep(ws, data, where="plan").run_ids) == 6
    assert len(extending.extend(ws, "lm", [], 2).run_ids) == 4
    assert [job.trial_no for job in jobs(ws)] == list(range(10))
    assert [json.loads(job.overrides)["repeat"] for job in jobs(ws)] == [1, 2] * 5


LOW_HIGH = {"path": f"{H}.n", "low": 1, "high": 1000}


@pytest.mark.parametrize(
    ("axes", "number", "words"),
    [
        ((), None, "nothing to extend by"),
        ((), 3, "-n is about --random and --tpe"),
        (("c=1",), None, "does not vary c"),
        (("a=0.5..1.0",), None, "needs --random N"),
        (("a=1..100000",), None, "limit is 10,000"),
        (("a=http://me:pass@host/",), None, "looks like a secret"),
    ],
)
def test_what_cannot_be_extended_changes_nothing(
    ws: Workspace, axes: tuple[str, ...], number: int | None, words: str
) -> None:
    send(ws, order("a=1,2", "b=x,y"))
    with pytest.raises((InvalidRequest, InvalidPlan), match=words):
        extending.extend(ws, "lm", axes, number)
    assert len(jobs(ws)) == 4


def test_a_group_that_is_no_sweep_says_what_to_do(ws: Workspace) -> None:
    send(ws, order()._replace(sweep=None))
    with pytest.raises(OperationFailed, match="submit -g"):
        extending.extend(ws, "lm", ["a=1"], None)


def test_a_tpe_sweep_is_open_until_its_trials_are_made(ws: Workspace) -> None:
    asked = order(LR, search=Searched("tpe", 3), objective=Objective("loss", "minimize"))
    made = send(ws, asked)
    assert (made.run_ids, made.to_come) == ((), 3)
    group, found = study(ws)
    assert (group.is_open, group.finished_at, found.wanted, found.made) == (True, None, 3, 0)
    with pytest.raises(OperationFailed, match="wants 3 more trials"):
        send(ws, asked)
    assert extending.extend(ws, "lm", [], 2).to_come == 5
    assert verify.check(ws) == []


def test_more_values_alone_ask_for_no_trials(ws: Workspace) -> None:
    """A group with nothing to come must not stay open."""
    send(ws, order(LR, search=Searched("tpe", 3), objective=Objective("loss", "minimize")))
    end_search(ws, made=3)
    done = extending.extend(ws, "lm", ["lr=1..2"], None)
    assert (done.to_come, done.is_searched) == (0, True)
    group, found = study(ws)
    assert (group.is_open, group.finished_at is None) == (False, False)
    assert (found.wanted, found.space[0].high) == (3, 2)
    assert extending.extend(ws, "lm", [], 2).to_come == 2
    assert study(ws)[0].is_open
    assert verify.check(ws) == []


def test_a_canceled_sweep_without_anything_new_stays_canceled(ws: Workspace) -> None:
    send(ws, order("a=1,2"))
    group, _ = study(ws)
    cancel.cancel_group(ws, group.group_id)
    assert extending.extend(ws, "lm", ["a=1"], None).run_ids == ()
    assert study(ws)[0].is_canceled
    extending.extend(ws, "lm", ["a=3"], None)
    assert not study(ws)[0].is_canceled


def test_an_exhausted_sweep_goes_on_in_a_larger_space(ws: Workspace) -> None:
    send(ws, order(LAYERS, search=Searched("tpe", 10), objective=Objective("loss", "minimize")))
    end_search(ws, made=8, ended="space exhausted")
    assert extending.extend(ws, "lm", ["layers=4..12"], None).to_come == 2
    group, found = study(ws)
    assert (group.is_open, found.ended, found.wanted) == (True, None, 10)


def end_search(ws: Workspace, made: int, ended: str | None = None) -> None:
    """Let the daemon have made so many trials, all of which were removed."""
    group, found = study(ws)
    with open_journal(ws) as journal, journal.write() as tx:
        assert studies.advance(tx, found, found._replace(made=made, ended=ended))
        tx.run("groups.set_open", group_id=group.group_id, is_open=0, now=clock.now())


@pytest.mark.parametrize("search", [None, Searched("tpe", 3), Searched("random", 3)])
def test_a_sweep_cannot_be_compared_by_what_its_runs_never_report(
    ws: Workspace, search: Searched | None
) -> None:
    base = request(family="logistic_regression", hyperparameters={})
    values = "model.hyperparameters.C=1,2,3,4"
    asked = order(values, search=search, objective=Objective("accuracy", "maximize"))
    send(ws, asked._replace(request=base))
    group, _ = study(ws)
    with pytest.raises(InvalidRequest, match="reports no 'acc'; it reports accuracy"):
        edit_groups(ws, [group.group_id], GroupEdit(objective=Objective("acc", "maximize")))
    assert study(ws)[0] == group
    edit_groups(ws, [group.group_id], GroupEdit(objective=Objective("f1_score", "maximize")))
    assert study(ws)[0].objective_metric == "f1_score"


def test_what_a_mixed_sweep_may_report_can_be_chosen(ws: Workspace) -> None:
    base = request(family="logistic_regression", hyperparameters={})
    send(ws, order("model.family=linear_svc,random_forest", "random_state=1,2")._replace(request=base))
    group, _ = study(ws)
    edit_groups(ws, [group.group_id], GroupEdit(objective=Objective("log_loss", "minimize")))
    assert study(ws)[0].objective_metric == "log_loss"


def test_a_queued_run_cannot_get_a_metric_that_it_never_reports(ws: Workspace) -> None:
    base = request(family="logistic_regression", hyperparameters={})
    send(ws, order()._replace(request=base, sweep=None))
    (job,) = jobs(ws)
    wish = Edit(fields={"objective": {"metric": "acc", "direction": "maximize"}})
    with pytest.raises(InvalidRequest, match="reports no 'acc'"):
        edit.edit(ws, {job.job_id: wish})


def test_a_canceled_sweep_makes_no_more_trials_until_it_is_extended(ws: Workspace) -> None:
    send(ws, order(LR, search=Searched("tpe", 3), objective=Objective("loss", "minimize")))
    group, _ = study(ws)
    cancel.cancel(ws, [], [group.group_id])
    group, _ = study(ws)
    assert (group.is_open, group.is_canceled, group.finished_at is None) == (False, True, False)
    extending.extend(ws, "lm", [], 2)
    group, found = study(ws)
    assert (group.is_open, group.is_canceled, group.finished_at) == (True, False, None)
    assert found.wanted == 5
    assert verify.check(ws) == []


def test_an_edit_makes_no_second_run_of_the_same(ws: Workspace) -> None:
    send(ws, order("a=1,2,3"))
    first, second, third = jobs(ws)
    both = (second.job_id, third.job_id)
    done = edit.edit(ws, dict.fromkeys(both, Edit(parameters={"a": 1})))
    assert [(job.seq, reason) for job, reason in done.skipped] == [
        (2, "would be the same as run 1"),
        (3, "would be the same as run 1"),
    ]
    done = edit.edit(ws, dict.fromkeys(both, Edit(parameters={"a": 9})))
    assert [reason for _, reason in done.skipped] == ["would be the same as run 2"]
    edited = jobs(ws)[1]
    assert edited.config_hash != second.config_hash
    assert edited.recipe == first.recipe
    assert len(send(ws, order("a=2,9")).run_ids) == 1


def test_a_metric_that_the_family_never_reports_is_refused(ws: Workspace) -> None:
    base = {
        **request(family="linear_svc", hyperparameters={}),
        "objective": {"metric": "log_loss", "direction": "minimize"},
    }
    with pytest.raises(InvalidRequest, match="linear_svc reports no 'log_loss'; it reports accuracy"):
        ordering.prepare(Order(base, "t"))
    swept = Order(
        {**request(family="linear_svc", hyperparameters={})},
        "t",
        sweep=combine([parse("C=1e-4..1e2:log")], (), (), 10**9),
        search=Searched("tpe", 4),
        objective=Objective("acuracy", "maximize"),
    )
    with pytest.raises(InvalidRequest, match="Did you mean 'accuracy'"):
        ordering.prepare(swept)
    folder = ws.run_dir("r")
    folder.mkdir(parents=True)
    (folder / "request.json").write_bytes(strict_json.dump(base))
    with pytest.raises(InvalidRequest, match="reports no 'log_loss'"):
        submit.enqueue_run(ws, "r")


def test_values_that_no_run_may_have_are_refused_at_once(ws: Workspace) -> None:
    asked = Order(
        request(family="linear_svc", hyperparameters={}),
        "t",
        sweep=combine([parse("C=-1.0..1.0")], (), (), 10**9),
        search=Searched("tpe", 4),
        objective=Objective("accuracy", "maximize"),
    )
    with pytest.raises(InvalidRequest, match="C"):
        send(ws, asked)
    assert not ws.journal.exists()


def test_states_of_known_runs_are_told(ws: Workspace) -> None:
    send(ws, order("a=1,2"))
    cancel.cancel(ws, [jobs(ws)[0].job_id])
    again = send(ws, order("a=1,2"))
    assert [run.state for run in again.sifted.known] == [State.CANCELED.value, State.QUEUED.value]


def test_a_sweep_keeps_its_stop_rule_until_another_is_asked_for(ws: Workspace) -> None:
    loss = Objective("loss", "minimize")
    send(ws, order("a=1,2", objective=loss, stop="asha:eta=3,min=5", keep=3))
    assert (study(ws)[1].stop, study(ws)[1].keep) == ('{"rule": "asha:eta=3,min=5"}', 3)
    send(ws, order("a=3"))
    assert (study(ws)[1].stop, study(ws)[1].keep) == ('{"rule": "asha:eta=3,min=5"}', 3)
    group_id = study(ws)[0].group_id
    changed = edit_groups(ws, [group_id], GroupEdit(stop="median", keep=1))
    assert [group.group_id for group in changed.changed] == [group_id]
    assert [group.group_id for group in edit_groups(ws, [group_id], GroupEdit(stop="median")).same] == [
        group_id
    ]
    assert (study(ws)[1].stop, study(ws)[1].keep) == ('{"rule": "median"}', 1)
    send(ws, order("a=4", objective=loss, stop="off"))
    assert study(ws)[1].stop == "{}"
    assert verify.check(ws) == []


@pytest.mark.parametrize(("stop", "words"), [("mean", "no stop rule"), ("median", "objective: is missing")])
def test_a_plan_with_a_wrong_rule_is_refused(ws: Workspace, stop: str, words: str) -> None:
    strategy = {"type": "grid", "stop": stop, "parameters": [{"path": f"{H}.a", "values": [1]}]}
    document = plan(ws.root, request(), strategy, name="t")
    with pytest.raises(InvalidPlan, match=words):
        submit.enqueue_sweep(ws, strict_json.dump(document), where="plan.json")


def test_a_look_at_an_extension_says_what_it_would_do_and_does_nothing(ws: Workspace) -> None:
    send(ws, order("a=1,2", "b=x,y"))
    before = study(ws)
    assert extending.look(ws, "lm", ["a=2,3"], None).words() == "2 new; 4 known (4 queued)"
    with pytest.raises(InvalidRequest, match="does not vary c"):
        extending.look(ws, "lm", ["c=1"], None)
    assert (study(ws), len(jobs(ws))) == (before, 4)
    assert extending.extend(ws, "lm", ["a=2,3"], None).words() == "2 new; 4 known (4 queued)"
    send(ws, order(LR, group="t", search=Searched("tpe", 3), objective=Objective("loss", "minimize")))
    assert "5 trials of" in extending.look(ws, "t", [], 2).words()
    assert extending.sweep_of(ws, "t").wanted == 3


def test_a_look_at_a_stop_rule_changes_nothing(ws: Workspace) -> None:
    send(ws, order("a=1,2", objective=Objective("loss", "minimize")))
    assert edit_group.rule_of(ws, "lm") == "off"
    assert edit_group.look_at_rule(ws, "lm", "asha") == "asha:eta=3,min=1, by loss (minimize)"
    assert edit_group.look_at_rule(ws, "lm", "off") == "no run ends early"
    with pytest.raises(InvalidRequest, match="no stop rule"):
        edit_group.look_at_rule(ws, "lm", "mediam")
    assert study(ws)[1].stop == "{}"
    edit_groups(ws, [study(ws)[0].group_id], GroupEdit(stop="patience:3"))
    assert edit_group.rule_of(ws, "lm") == "patience:3"
    send(ws, order("a=1,2", group="no metric"))
    with pytest.raises(OperationFailed, match="by which metric"):
        edit_group.look_at_rule(ws, "no metric", "median")
    send(ws, order(group="one")._replace(sweep=None))
    with pytest.raises(OperationFailed, match="is no sweep"):
        edit_group.rule_of(ws, "one")
