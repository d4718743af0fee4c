"""The table of hyperparameters says what the installed scikit-learn says, and what it says is trained with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from runforge.documents.estimator_table import PARTLY, TABLE, VERSIONS
from runforge.documents.hyperparameters import FAMILIES, problem
from runforge.training.estimators import estimator, rules
from tests.training.kit import Run

TRAINED = [family for family in FAMILIES if family != "command"]
#: Values that lie on both sides of what estimators take.
PROBES: list[Any] = [
    *(True, False, -1, 0, 1, 2, 3, 42, 2**32 - 1, 2**32, -0.5, 0.0, 1e-9, 0.3, 0.5, 0.7, 1.0, 1.5, 100.0),
    *(
        "",
        "l1",
        "l2",
        "elasticnet",
        "balanced",
        "balanced_subsample",
        "auto",
        "sqrt",
        "log2",
        "gini",
        "entropy",
    ),
    *(
        "hinge",
        "squared_hinge",
        "liblinear",
        "saga",
        "lbfgs",
        "ovr",
        "crammer_singer",
        "nonsense",
        [],
        [1, 0],
    ),
    *({}, {"a": 1}),
]


@pytest.mark.parametrize("family", TRAINED)
def test_the_table_holds_what_the_installed_one_takes(family: str) -> None:
    import sklearn

    found = rules(family)
    assert found.keys() <= TABLE[family].keys()
    for name, allowed in found.items():
        assert set(allowed) <= set(TABLE[family][name]), name
    if sklearn.__version__ in VERSIONS:
        known = {n for n in TABLE[family] if sklearn.__version__ in PARTLY[family].get(n, VERSIONS)}
        assert found.keys() == known


@pytest.mark.parametrize("family", TRAINED)
def test_a_value_is_refused_where_scikit_learn_refuses_it(family: str) -> None:
    from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

    kind = estimator(family)
    for name, allowed in rules(family).items():
        for value in PROBES:
            # There a boolean passes for an integer, and whatever has a length for a list.
            is_lax = (isinstance(value, bool) and ("boolean",) not in allowed) or isinstance(value, dict)
            if is_lax and ("object",) not in allowed:
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    validate_parameter_constraints(
                        {name: kind._parameter_constraints[name]}, {name: value}, caller_name=kind.__name__
                    )
                is_taken = True
            except InvalidParameterError:
                is_taken = False
            told = problem(family, name, value)
            assert told is None or not is_taken, f"{name}={value!r}: {told}"
            assert told is not None or is_taken or allowed != TABLE[family][name], f"{name}={value!r}"


@pytest.mark.parametrize(
    ("family", "given"),
    [
        ("logistic_regression", {"penalty": "l1", "solver": "saga"}),
        ("logistic_regression", {"penalty": "elasticnet", "solver": "saga", "l1_ratio": 0.5}),
        ("logistic_regression", {"penalty": None}),
        ("logistic_regression", {"solver": "liblinear", "dual": True, "intercept_scaling": 2}),
        ("logistic_regression", {"max_iter": 0}),
        ("logistic_regression", {"warm_start": True}),
        ("logistic_regression", {"class_weight": {"kind_0": 3, "kind_1": 1.5}}),
        ("random_forest", {"oob_score": True, "n_jobs": 2, "warm_start": True}),
        ("random_forest", {"class_weight": "balanced_subsample", "max_leaf_nodes": 9, "max_samples": 0.5}),
        ("linear_svc", {"penalty": "l1", "dual": False, "intercept_scaling": 3.0}),
        ("linear_svc", {"dual": "auto", "multi_class": "crammer_singer"}),
        ("linear_svc", {"max_iter": 0}),
    ],
)
def test_what_the_estimator_takes_reaches_it(
    execute: Callable[..., Run], workspace: Any, family: str, given: dict[str, Any]
) -> None:
    import pickle

    from tests.training.kit import table

    (workspace / "data" / "train.csv").write_text(table(classes=2))
    run = execute({"model.family": family, "model.hyperparameters": given})
    assert run.code == 0, run.log
    assert "for warm_start" not in run.log
    assert "OOB" not in run.log
    model = pickle.loads((run.folder / "artifacts" / "model.pkl").read_bytes()).named_steps["model"]
    wanted = {**given, "class_weight": {0: 3, 1: 1.5}} if "kind_0" in given.get("class_weight", ()) else given
    assert {name: model.get_params()[name] for name in given} == wanted
    assert not given.get("oob_score") or model.oob_score_ > 0.5


def test_liblinear_ends_where_one_fit_ends(execute: Callable[..., Run], workspace: Any) -> None:
    import pickle

    from sklearn.base import clone

    from tests.training.kit import table
    from tests.training.test_worker import prepared

    (workspace / "data" / "train.csv").write_text(table(classes=2))
    given = {"solver": "liblinear", "dual": True, "max_iter": 40, "tol": 1e-9}
    run = execute({"preset": "custom", "model.hyperparameters": given})
    model = pickle.loads((run.folder / "artifacts" / "model.pkl").read_bytes()).named_steps["model"]
    ready, labels = prepared(workspace)
    assert (clone(model).fit(ready, labels).coef_ == model.coef_).all()


@pytest.mark.parametrize(
    ("family", "given", "words"),
    [
        (
            "logistic_regression",
            {"penalty": "l1"},
            "scikit-learn refuses to train: Solver lbfgs supports only",
        ),
        ("logistic_regression", {"class_weight": {"kind_9": 1}}, "'kind_9' is not a class"),
        ("random_forest", {"oob_score": True, "bootstrap": False}, "only available if bootstrap=True"),
        ("random_forest", {"monotonic_cst": [1]}, "monotonic_cst has shape 1"),
        ("linear_svc", {"max_iter": 2**40}, "scikit-learn refuses to train"),
    ],
)
def test_what_does_not_go_together_is_told_in_scikit_learns_words(
    execute: Callable[..., Run], family: str, given: dict[str, Any], words: str
) -> None:
    run = execute({"model.family": family, "model.hyperparameters": given})
    assert run.code == 1
    assert words in run.result["error"]["message"]
    assert "Traceback" not in run.log


def test_what_the_installed_estimator_does_not_have_is_told() -> None:
    from runforge.errors import InvalidRequest
    from runforge.training.families import build_model

    with pytest.raises(
        InvalidRequest, match=r"LogisticRegression of the installed scikit-learn .* has no beta"
    ):
        build_model("logistic_regression", {"beta": 1})
