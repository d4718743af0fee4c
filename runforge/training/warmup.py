"""The zygote imports this once: scikit-learn with all that a run needs, and one small fit of each family.

Forked runs then start in milliseconds instead of more than a second. What libraries keep from their first use
(compiled patterns, how a class is pickled) is there too: a run that changes nothing leaves the process as it was.
"""

from __future__ import annotations

import codecs
import importlib.machinery
import importlib.util
import json
import pickle
import sys
from types import FrameType

import numpy as np
from sklearn.pipeline import Pipeline

from runforge.training import columns, dataset, families, measures, prepared, train, worker
from runforge.training.curve import Curve

__all__ = ["dataset", "train", "worker"]


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


_executed: set[str] = set()


def _note(frame: FrameType, event: str, _: object) -> None:
    if event == "call":
        _executed.add(frame.f_globals.get("__name__", ""))


def _warm() -> None:
    codecs.lookup("utf-8-sig")  # what datasets are read with
    for cells in (["1,5", "2,5"], ["a", "b"]):
        columns.read_column(cells, [2, 3], ",")
    json.loads(json.dumps({"a": 1}, indent=2))
    for classes in (["x", "y"], ["x", "y", "z"]):
        _fit(classes)


def _fit(classes: list[str]) -> None:
    cells = [[0.0, "a"], [1.0, "b"], [0.2, "a"], [0.9, "b"], [0.3, "a"], [0.8, "b"]]
    features, labels = np.array(cells, dtype=object), np.array([*classes, *classes], dtype=object)
    features = features[: len(labels)]
    data = dataset.Dataset(features, ["a", "b"], [0], [1], labels, ",", 0, [])
    table = prepared.labelled(data)
    for each in (prepared.for_many(table), table):
        kept = pickle.loads(pickle.dumps(each))  # noqa: S301
        rows = pickle.loads(pickle.dumps(prepared.split(kept, 0)))  # noqa: S301
    for family in ("logistic_regression", "random_forest", "linear_svc"):
        size = {"n_estimators": 1} if family == "random_forest" else {"max_iter": 2}
        model = families.build_model(family, {**size, "random_state": 0})
        curve = Curve(rows.train, rows.test)
        for _ in families.epochs(model, *rows.train):
            curve.point(model)
        measures.scores(model, curve.of_test_rows, rows.test[1])
        measures.weights(model, rows.feature_names, classes)
        pickle.dumps(rows.encoder)
        pickle.dumps(Pipeline([("prepare", rows.prepare), ("model", model)]))


if importlib.util.find_spec("pandas") is None:
    sys.meta_path.insert(0, _NoPandas)
sys.setprofile(_note)
try:
    _warm()
finally:
    sys.setprofile(None)
#: The modules whose code a run executes.
EXECUTED = frozenset(_executed)
