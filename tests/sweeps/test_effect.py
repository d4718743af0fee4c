"""A sweep varies what its runs read and is ranked by what they report, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.documents.plan import parse_plan
from runforge.errors import InvalidPlan
from runforge.sweeps.expand import RunOverrides, doubts_about, expand
from tests.documents.kit import PLAN, grid, plan_bytes

_BASE = PLAN["base_request"]
_H = "model.hyperparameters"


def command(*words: str, **values: Any) -> dict[str, Any]:
    return {**_BASE, "model": {"family": "command", "command": ["prog", *words], "hyperparameters": values}}


def expanded(strategy: dict[str, Any], **changes: Any) -> tuple[list[RunOverrides], list[str]]:
    plan = parse_plan(plan_bytes(strategy=strategy, **changes), where="p.json")
    runs = expand(plan)
    return runs, doubts_about(plan, runs)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("model.hyperparameter.C", f"{_H}.C"),
        ("hyperparameters.C", f"{_H}.C"),
        ("model.C", f"{_H}.C"),
        ("C", f"{_H}.C"),
        ("model.hyperparamters.max_iter", f"{_H}.max_iter"),
        ("label_column", "dataset.label_column"),
        ("models.family", "model.family"),
    ],
)
@pytest.mark.parametrize("kind", ["grid", "list"])
@pytest.mark.parametrize("value", [0.1, None])
def test_a_path_that_nobody_reads_is_refused(path: str, meant: str, kind: str, value: Any) -> None:
    runs = {"type": "list", "runs": [{"notes": "a"}, {path: value}]}
    strategy, at = (
        (grid((path, [value])), "strategy.parameters[0].path")
        if kind == "grid"
        else (runs, "strategy.runs[1]")
    )
    with pytest.raises(InvalidPlan) as caught:
        expanded(strategy)
    assert str(caught.value) == f"p.json: {at}: no run reads {path!r}. Did you mean '{meant}'?"


@pytest.mark.parametrize("path", ["", "colour", "x.y"])
def test_where_nothing_is_near_the_refusal_says_what_a_path_is(path: str) -> None:
    with pytest.raises(InvalidPlan, match=r"no run reads .*Name a field of the request, such as model\."):
        expanded({"type": "list", "runs": [{path: 1}]})


def test_a_hyperparameter_of_a_command_is_meant_too() -> None:
    with pytest.raises(InvalidPlan, match=r"Did you mean 'model.hyperparameters.lr'\?"):
        expanded(grid(("lr", [1])), base_request=command("{lr}"))


@pytest.mark.parametrize(
    ("path", "value", "base", "words"),
    [
        ("model.cwd", "data", _BASE, "the model of every run is no command"),
        ("model.command", ["true"], _BASE, "the model of every run is no command"),
        ("preset", "fast", command("x"), "is a command, which has no presets"),
    ],
)
def test_a_field_that_no_runs_model_uses_is_refused(
    path: str, value: Any, base: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidPlan, match=words):
        expanded(grid((path, [value])), base_request=base)


def test_a_field_that_one_run_uses_is_not() -> None:
    runs = [{"model.family": "command", "model.command": ["true"]}, {"preset": "balanced"}]
    assert len(expanded({"type": "list", "runs": runs})[0]) == 2


def test_two_names_of_the_seed() -> None:
    base = {**_BASE, "model": {"family": "random_forest", "hyperparameters": {"seed": 1}}}
    strategy = grid((f"{_H}.random_state", [1, 2]))
    with pytest.raises(InvalidPlan, match=r"changes nothing, because model.hyperparameters.seed is given"):
        expanded(strategy, base_request=base)
    assert len(expanded(strategy)[0]) == 2


@pytest.mark.parametrize("value", [None, [None, 0.5]])
def test_a_null_of_which_a_command_needs_the_value_is_refused(value: Any) -> None:
    values = value if isinstance(value, list) else [value]
    strategy = {"type": "list", "runs": [{f"{_H}.dropout": v} for v in values]}
    for part in ("{dropout}", "--d {dropout}"):
        with pytest.raises(InvalidPlan, match=r"run 1: .*{dropout} has no value, because .*dropout is null"):
            expanded(strategy, base_request=command(part, dropout=0.5))
    runs = [{f"{_H}.dropout": None, "model.command": ["prog"]}]
    assert len(expanded({"type": "list", "runs": runs}, base_request=command("{dropout}", dropout=1))[0]) == 1


def test_a_metric_that_no_run_reports_is_no_objective() -> None:
    strategy = grid((f"{_H}.C", [1, 2]))
    objective = {"metric": "acuracy", "direction": "maximize"}
    with pytest.raises(InvalidPlan) as caught:
        expanded(strategy, objective=objective)
    assert str(caught.value) == (
        "p.json: objective.metric: logistic_regression reports no 'acuracy'; it reports accuracy, precision, "
        "recall, f1_score, log_loss. Did you mean 'accuracy'?"
    )
    base = command("{C}", C=1)
    assert len(expanded(strategy, objective=objective, base_request=base)[0]) == 2


def test_a_metric_that_some_runs_do_not_report_is_told() -> None:
    strategy = grid(("model.family", ["linear_svc", "random_forest"]))
    told = expanded(strategy, objective={"metric": "log_loss", "direction": "minimize"})[1]
    assert told == ["objective.metric: linear_svc reports no 'log_loss'; those runs are not ranked"]


def test_what_is_accepted_and_may_be_a_mistake_is_told() -> None:
    strategy = grid((f"{_H}.lrr", [1, 1, 2]))
    base = {**command("--lr={lr}", "x {nothing}", lr=0.1), "colour": 3}
    in_the_file = "the command does not name {lrr}; the value is only in the file $RUNFORGE_PARAMS"
    assert expanded(strategy, base_request=base)[1] == [
        f"{_H}.lrr has 1 twice: those runs are the same",
        f"strategy.parameters[0].path: {in_the_file}. Did you mean 'lr'?",
        "RunForge does not read base_request.colour",
        "base_request.model.command[2]: {nothing} stays as it is: there is no such hyperparameter",
    ]


def test_a_command_that_names_no_hyperparameter_reads_the_file() -> None:
    assert expanded(grid((f"{_H}.lr", [1, 2])), base_request=command("x"))[1] == []


def test_fields_that_come_with_a_value_are_looked_at() -> None:
    strategy = {"type": "list", "runs": [{"model": {"family": "linear_svc", "hyper_parameters": {"C": 1}}}]}
    told = "RunForge does not read base_request.model.hyper_parameters. Did you mean 'model.hyperparameters'?"
    assert expanded(strategy)[1] == [told]
