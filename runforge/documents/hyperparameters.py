"""The hyperparameters that each family knows, what values they take, and what a preset sets.

Values that a preset or the user does not set are scikit-learn's own defaults. Source: scikit-learn's
documentation of LogisticRegression, RandomForestClassifier and LinearSVC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

PRESETS = ("fast", "balanced", "thorough", "custom")
DEFAULT_SEED = 42


class Rule(NamedTuple):
    """Which values a hyperparameter takes."""

    accepts: Callable[[Any], bool]
    words: str


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _positive() -> Rule:
    return Rule(lambda v: _is_number(v) and v > 0, "a number above 0")


def _at_least(least: int) -> Rule:
    return Rule(lambda v: _is_int(v) and v >= least, f"an integer of at least {least}")


def _choice(*words: str) -> Rule:
    return Rule(lambda v: isinstance(v, str) and v in words, f"one of {', '.join(words)}")


def _or(first: Rule, second: Rule) -> Rule:
    return Rule(lambda v: first.accepts(v) or second.accepts(v), f"{first.words}, or {second.words}")


_BOOLEAN = Rule(lambda v: isinstance(v, bool), "true or false")
_SHARE = Rule(lambda v: isinstance(v, float) and 0.0 < v <= 1.0, "a share above 0.0 and up to 1.0")
_SEED = Rule(lambda v: _is_int(v) and 0 <= v < 2**32, "an integer from 0 to 4294967295")
_COMMON = {"seed": _SEED, "random_state": _SEED, "class_weight": _choice("balanced")}

RULES: dict[str, dict[str, Rule]] = {
    "logistic_regression": {
        "C": _positive(),
        "max_iter": _at_least(1),
        "tol": _positive(),
        "solver": _choice("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"),
        "fit_intercept": _BOOLEAN,
        **_COMMON,
    },
    "random_forest": {
        "n_estimators": _at_least(1),
        "max_depth": _at_least(1),
        "min_samples_split": _or(_at_least(2), _SHARE),
        "min_samples_leaf": _or(_at_least(1), _SHARE),
        "max_features": _or(_choice("sqrt", "log2"), _or(_at_least(1), _SHARE)),
        "criterion": _choice("gini", "entropy", "log_loss"),
        "bootstrap": _BOOLEAN,
        **_COMMON,
    },
    "linear_svc": {
        "C": _positive(),
        "max_iter": _at_least(1),
        "tol": _positive(),
        "loss": _choice("hinge", "squared_hinge"),
        "fit_intercept": _BOOLEAN,
        **_COMMON,
    },
}
FAMILIES = (*RULES, "command")

_PRESET_VALUES: dict[str, dict[str, dict[str, Any]]] = {
    "logistic_regression": {
        "fast": {"C": 1.0, "max_iter": 100, "tol": 1e-3},
        "balanced": {"C": 1.0, "max_iter": 300, "tol": 1e-4},
        "thorough": {"C": 1.0, "max_iter": 2000, "tol": 1e-6},
    },
    "random_forest": {
        "fast": {"n_estimators": 50, "max_depth": 8},
        "balanced": {"n_estimators": 200},
        "thorough": {"n_estimators": 500, "min_samples_leaf": 2},
    },
    "linear_svc": {
        "fast": {"C": 1.0, "max_iter": 500, "tol": 1e-3},
        "balanced": {"C": 1.0, "max_iter": 2000, "tol": 1e-4},
        "thorough": {"C": 1.0, "max_iter": 10000, "tol": 1e-6},
    },
}


def effective(family: str, preset: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a run of this family uses: the preset's values, then the user's, then the seed."""
    if family == "command":
        return dict(given)
    values = dict(_PRESET_VALUES[family].get(preset, {}))
    values.update({name: value for name, value in given.items() if name != "seed"})
    if "seed" in given:
        values["random_state"] = given["seed"]
    values.setdefault("random_state", DEFAULT_SEED)
    return values
