"""What a plan makes: its runs, in order, and the refusal that names the run."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runforge.documents.plan import parse_plan
from runforge.errors import InvalidPlan
from runforge.sweeps.expand import count, expand
from tests.documents.kit import PLAN, grid, plan_bytes


def test_a_grid_of_a_thousand_million_is_refused_without_building_it() -> None:
    plan = parse_plan(
        plan_bytes(strategy=grid(*[(f"notes.{n}", list(range(1000))) for n in "abc"])), where="p"
    )
    assert count(plan) == 10**9
    with pytest.raises(InvalidPlan, match=r"makes 1000000000 runs, the limit is 10000.*--max-runs"):
        expand(plan)


BAD_EXPANSIONS = {
    "through_a_value": (("preset.deep.er", ["x"]), "preset is not an object"),
    "unknown_hyperparameter": (("model.hyperparameters.depth", [3]), "known are"),
    "wrong_type": (("model.hyperparameters.C", ["high"]), "a number above 0"),
    "unknown_family": (("model.family", ["random_forrest"]), "Did you mean 'random_forest'"),
    "traversal": (("dataset.path", ["../../etc/passwd"]), "leaves the workspace"),
}


@pytest.mark.parametrize("case", BAD_EXPANSIONS)
def test_runs_that_are_refused_name_the_run(case: str) -> None:
    parameter, words = BAD_EXPANSIONS[case]
    with pytest.raises(InvalidPlan, match=words) as caught:
        expand(parse_plan(plan_bytes(strategy=grid(parameter)), where="plan.json"))
    assert "run 1" in str(caught.value)


def test_a_grid_varies_its_last_parameter_fastest_and_null_removes() -> None:
    strategy = grid(("model.hyperparameters.C", [0.1, 1.0]), ("notes", ["a", None]))
    runs = expand(parse_plan(plan_bytes(strategy=strategy), where="p"))
    assert [(r.overrides["model.hyperparameters.C"], r.overrides["notes"]) for r in runs] == [
        (0.1, "a"),
        (0.1, None),
        (1.0, "a"),
        (1.0, None),
    ]
    assert ["notes" in run.request.raw for run in runs] == [True, False, True, False]
    assert "C" not in PLAN["base_request"]["model"]["hyperparameters"]


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_expansion_makes_as_many_runs_as_counted(sizes: list[int]) -> None:
    strategy = grid(*[(f"model.hyperparameters.x{i}", list(range(n))) for i, n in enumerate(sizes)])
    base = {**PLAN["base_request"], "model": {"family": "command", "command": ["true"]}}
    plan = parse_plan(plan_bytes(strategy=strategy, base_request=base), where="p")
    runs = expand(plan)
    assert len(runs) == count(plan)
    assert len({json.dumps(r.overrides) for r in runs}) == len(runs)
