"""The hyperparameters that each family knows, what values they take, and what a preset sets.

A family takes what its estimator takes in scikit-learn (estimator_table.py), and `seed` for `random_state`.
Other values are scikit-learn's defaults.
"""

from __future__ import annotations

from runforge.later import module
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.documents import estimator_table
    from runforge.documents.estimator_table import Rule
else:
    estimator_table = module("runforge.documents.estimator_table")

PRESETS = ("fast", "balanced", "thorough", "custom")
DEFAULT_SEED = 42
FAMILIES = ("logistic_regression", "random_forest", "linear_svc", "command")
_SEED = "seed"
_NULL: Rule = ("null",)
_KINDS = {"int": (int,), "number": (int, float), "fraction": (float,)}

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


def problem(family: str, name: str, value: Any) -> str | None:
    """Return what is wrong with a hyperparameter, or None. A null counts as not given."""
    known = estimator_table.TABLE[family]
    rules = known.get("random_state" if name == _SEED else name)
    if rules is None:
        hint = did_you_mean(name, [*known, _SEED])
        return f"{family} has no such hyperparameter; known are {', '.join(sorted([*known, _SEED]))}" + (
            f". {hint}" if hint else ""
        )
    installed = _installed() if name in estimator_table.PARTLY[family] else ""
    if installed in _minors(estimator_table.VERSIONS) and installed not in _minors(
        estimator_table.PARTLY[family][name]
    ):
        return f"{family} has no such hyperparameter in scikit-learn {installed}, which is installed"
    if value is None or any(_accepts(rule, value) for rule in rules):
        return None
    words = ", or ".join(dict.fromkeys(_words(rule) for rule in rules if rule != _NULL))
    return f"must be {words}, not {value!r:.60}"


def _installed() -> str:
    """Return the version of the installed scikit-learn without its last number; does not load it."""
    from importlib import metadata  # rarely needed: only for names that not all versions have

    try:
        return _minor(metadata.version("scikit-learn"))
    except metadata.PackageNotFoundError:
        return ""


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _minors(versions: tuple[str, ...]) -> set[str]:
    return {_minor(version) for version in versions}


def _accepts(rule: Rule, value: Any) -> bool:
    kind = rule[0]
    if kind in _KINDS:
        return isinstance(value, _KINDS[kind]) and not isinstance(value, bool) and _is_within(rule, value)
    if kind == "choice":
        return isinstance(value, str) and value in rule[1:]
    if kind == "object":
        # In all estimators the only object is the weight of each class.
        return isinstance(value, dict) and all(_is_weight(weight) for weight in value.values())
    return isinstance(value, {"boolean": bool, "list": list, "null": type(None)}[kind])


def _is_within(rule: Rule, value: float) -> bool:
    _, least, with_least, most, with_most = rule
    is_above = least is None or value > least or (with_least and value == least)
    return is_above and (most is None or value < most or (with_most and value == most))


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _words(rule: Rule) -> str:
    kind = rule[0]
    if kind == "choice":
        return f"one of {', '.join(rule[1:])}"
    if kind not in _KINDS:
        return {
            "boolean": "true or false",
            "object": "an object of classes and their weights",
            "list": "a list",
        }[kind]
    _, least, with_least, most, with_most = rule
    words = {"int": "an integer", "number": "a number", "fraction": "a share such as 0.5,"}[kind]
    if least is not None:
        words += f" of at least {least:g}" if with_least else f" above {least:g}"
    if most is not None:
        words += (" and" if least is not None else "") + (
            f" up to {most:g}" if with_most else f" below {most:g}"
        )
    return words


def effective(family: str, preset: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a run of this family uses: the preset's, then the user's, then the seed.

    A null means "not given", as in a sweep, unless the estimator takes it as a value: no limit of depth, no
    penalty. A seed is never null, so that runs can be repeated.
    """
    if family == "command":
        return dict(given)
    values = dict(_PRESET_VALUES[family].get(preset, {}))
    values |= {
        name: value
        for name, value in given.items()
        if name != _SEED and (value is not None or _takes_null(family, name))
    }
    if given.get(_SEED) is not None:
        values["random_state"] = given[_SEED]
    values.setdefault("random_state", DEFAULT_SEED)
    return values


def _takes_null(family: str, name: str) -> bool:
    return name != "random_state" and _NULL in estimator_table.TABLE[family].get(name, ())
