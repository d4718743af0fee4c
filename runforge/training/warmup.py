"""Imported once by the zygote: scikit-learn with everything that a run needs, and one small fit.

Forked runs then start in milliseconds instead of more than a second.
"""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import LabelEncoder

from runforge.training import families, measures, train, worker

__all__ = ["train", "worker"]


def _warm() -> None:
    features = np.array([[0.0, "a"], [1.0, "b"], [0.2, "a"], [0.9, "b"]], dtype=object)
    labels = LabelEncoder().fit_transform(["x", "y", "x", "y"])
    ready = families.build_preprocessing([0], [1]).fit_transform(features)
    for family in ("logistic_regression", "random_forest", "linear_svc"):
        size = {"n_estimators": 1} if family == "random_forest" else {"max_iter": 2}
        model = families.build_model(family, {**size, "random_state": 0})
        for _ in families.epochs(model, ready, labels):
            measures.scores(model, ready, labels)


_warm()
