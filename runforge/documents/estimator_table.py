"""What each family's estimator takes, of what JSON can say. Made by runforge/training/estimators.py; do not edit.

A rule is ("int" or "number" or "fraction", least, is that included, most, is that included), ("choice", words),
("boolean",), ("null",), ("object",) or ("list",). A fraction is a number that is written with a point.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Rule = tuple[Any, ...]
    Rules = dict[str, list[Rule]]

#: The versions of scikit-learn that it was made from: what any of them takes is in it.
VERSIONS: tuple[str, ...] = ("1.6.1", "1.7.2", "1.8.0", "1.9.1")

#: The names that not all of them know, and those that do.
PARTLY: dict[str, dict[str, tuple[str, ...]]] = {
    "logistic_regression": {"multi_class": ("1.6.1", "1.7.2")},
    "random_forest": {},
    "linear_svc": {},
}

TABLE: dict[str, Rules] = {
    "logistic_regression": {
        "C": [("number", 0, False, None, False)],
        "class_weight": [("choice", "balanced"), ("null",), ("object",)],
        "dual": [("boolean",)],
        "fit_intercept": [("boolean",)],
        "intercept_scaling": [("number", 0, False, None, False)],
        "l1_ratio": [("null",), ("number", 0, True, 1, True)],
        "max_iter": [("int", 0, True, None, False)],
        "multi_class": [("choice", "auto", "multinomial", "ovr")],
        "n_jobs": [("int", None, False, None, False), ("null",)],
        "penalty": [("choice", "elasticnet", "l1", "l2"), ("null",)],
        "random_state": [("int", 0, True, 4294967295, True)],
        "solver": [("choice", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")],
        "tol": [("number", 0, True, None, False)],
        "verbose": [("boolean",), ("int", 0, True, None, False)],
        "warm_start": [("boolean",)],
    },
    "random_forest": {
        "bootstrap": [("boolean",)],
        "ccp_alpha": [("number", 0.0, True, None, False)],
        "class_weight": [("choice", "balanced", "balanced_subsample"), ("list",), ("null",), ("object",)],
        "criterion": [("choice", "entropy", "gini", "log_loss")],
        "max_depth": [("int", 1, True, None, False), ("null",)],
        "max_features": [
            ("choice", "log2", "sqrt"),
            ("fraction", 0.0, False, 1.0, True),
            ("int", 1, True, None, False),
            ("null",),
        ],
        "max_leaf_nodes": [("int", 2, True, None, False), ("null",)],
        "max_samples": [
            ("fraction", 0.0, False, 1.0, True),
            ("fraction", 0.0, False, None, False),
            ("int", 1, True, None, False),
            ("null",),
        ],
        "min_impurity_decrease": [("number", 0.0, True, None, False)],
        "min_samples_leaf": [("fraction", 0.0, False, 1.0, False), ("int", 1, True, None, False)],
        "min_samples_split": [("fraction", 0.0, False, 1.0, True), ("int", 2, True, None, False)],
        "min_weight_fraction_leaf": [("number", 0.0, True, 0.5, True)],
        "monotonic_cst": [("list",), ("null",)],
        "n_estimators": [("int", 1, True, None, False)],
        "n_jobs": [("int", None, False, None, False), ("null",)],
        "oob_score": [("boolean",)],
        "random_state": [("int", 0, True, 4294967295, True)],
        "verbose": [("boolean",), ("int", 0, True, None, False)],
        "warm_start": [("boolean",)],
    },
    "linear_svc": {
        "C": [("number", 0.0, False, None, False)],
        "class_weight": [("choice", "balanced"), ("null",), ("object",)],
        "dual": [("boolean",), ("choice", "auto")],
        "fit_intercept": [("boolean",)],
        "intercept_scaling": [("number", 0, False, None, False)],
        "loss": [("choice", "hinge", "squared_hinge")],
        "max_iter": [("int", 0, True, None, False)],
        "multi_class": [("choice", "crammer_singer", "ovr")],
        "penalty": [("choice", "l1", "l2")],
        "random_state": [("int", 0, True, 4294967295, True)],
        "tol": [("number", 0.0, False, None, False)],
        "verbose": [("boolean",), ("int", 0, True, None, False)],
    },
}
