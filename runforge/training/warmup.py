"""The zygote imports this once: scikit-learn with all that a run needs, and one small fit.

Forked runs then start in milliseconds instead of more than a second.
"""

from __future__ import annotations

import encodings.utf_8_sig  # noqa: F401 - what datasets are read with
import importlib.machinery
import importlib.util
import sys

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

from runforge.training import dataset, families, measures, train, worker
from runforge.training.curve import Curve

__all__ = ["dataset", "train", "train_test_split", "worker"]


class _NoPandas:
    """Answers `import pandas` at once if it is not installed.

    scikit-learn tries it some forty times in a small run. To search every folder each time would take a sixth
    of the run's time.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def _warm() -> None:
    features = np.array([[0.0, "a"], [1.0, "b"], [0.2, "a"], [0.9, "b"]], dtype=object)
    labels = LabelEncoder().fit_transform(["x", "y", "x", "y"])
    ready = families.build_preprocessing([0], [1]).fit_transform(features)
    for family in ("logistic_regression", "random_forest", "linear_svc"):
        size = {"n_estimators": 1} if family == "random_forest" else {"max_iter": 2}
        model = families.build_model(family, {**size, "random_state": 0})
        curve = Curve((ready, labels), (ready, labels))
        for _ in families.epochs(model, ready, labels):
            curve.point(model)
        measures.scores(model, ready, labels)


if importlib.util.find_spec("pandas") is None:
    sys.meta_path.insert(0, _NoPandas)
_warm()
