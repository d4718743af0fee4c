"""The metrics that can be a sweep's objective: the final metrics of a trained model.

The metrics of a command are known only after its run.
"""

from __future__ import annotations

_ALWAYS = ("accuracy", "precision", "recall", "f1_score")
REPORTED = {
    "logistic_regression": (*_ALWAYS, "log_loss"),
    "random_forest": (*_ALWAYS, "log_loss"),
    "linear_svc": _ALWAYS,
}


def may_report(family: str, metric: str) -> bool:
    """Return whether a run of the family may have the metric at its end."""
    return family not in REPORTED or metric in REPORTED[family]
