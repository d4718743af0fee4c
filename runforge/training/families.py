"""The model families: how each is built, and how it grows, epoch by epoch, with real progress.

An epoch is what the algorithm really repeats: trees added to the forest (warm_start), iterations of
the solver that goes on where it stood (logistic regression), or, for liblinear, which cannot go on, a
fit with twice the iterations of the one before, until it converges.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

EPOCHS = 10


def build_preprocessing(numeric: list[int], categorical: list[int]) -> Any:
    """Return the transformer: medians and scaling for numbers, most frequent and one-hot for texts."""
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    numbers = Pipeline(
        [
            (
                "float",
                FunctionTransformer(np.asarray, kw_args={"dtype": float}, feature_names_out="one-to-one"),
            ),
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    texts = Pipeline(
        [
            ("impute", SimpleImputer(strategy="constant", fill_value="(missing)", missing_values=None)),
            (
                "encode",
                OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=50, sparse_output=False),
            ),
        ]
    )
    parts = [("numbers", numbers, numeric), ("texts", texts, categorical)]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)


def build_model(family: str, values: dict[str, Any]) -> Any:
    """Return the unfitted estimator of a family."""
    if family == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**values)
    if family == "linear_svc":
        from sklearn.svm import LinearSVC

        return LinearSVC(**values)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**values)


def epochs(model: Any, features: Any, labels: Any) -> Iterator[tuple[int, int]]:
    """Fit the model step by step; after each yield (epoch, planned epochs).

    Ends early once the solver has converged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(model, "n_estimators"):
            yield from _grow(model, features, labels)
        elif hasattr(model, "warm_start"):
            yield from _go_on(model, features, labels)
        else:
            yield from _fit_longer(model, features, labels)


def _grow(model: Any, features: Any, labels: Any) -> Iterator[tuple[int, int]]:
    total = model.n_estimators
    steps = min(EPOCHS, total)
    model.set_params(warm_start=True)
    for step in range(1, steps + 1):
        model.set_params(n_estimators=math.ceil(total * step / steps))
        model.fit(features, labels)
        yield step, steps


def _go_on(model: Any, features: Any, labels: Any) -> Iterator[tuple[int, int]]:
    total = model.max_iter
    steps = min(EPOCHS, total)
    model.set_params(warm_start=True)
    done = 0
    for step in range(1, steps + 1):
        chunk = math.ceil(total * step / steps) - done
        model.set_params(max_iter=chunk)
        model.fit(features, labels)
        done += chunk
        yield step, steps
        if int(model.n_iter_.max()) < chunk:
            break
    model.set_params(max_iter=total, warm_start=False)


def _fit_longer(model: Any, features: Any, labels: Any) -> Iterator[tuple[int, int]]:
    total = model.max_iter
    limits = sorted({max(1, math.ceil(total / 2**power)) for power in range(4)})
    for step, limit in enumerate(limits, start=1):
        model.set_params(max_iter=limit)
        model.fit(features, labels)
        yield step, len(limits)
        if int(model.n_iter_) < limit:
            break
    model.set_params(max_iter=total)


def iterations(model: Any) -> int | None:
    """Return how many iterations the last fit took; None for a forest."""
    import numpy as np

    found = getattr(model, "n_iter_", None)
    return None if found is None else int(np.max(found))


def scores(model: Any, features: Any, labels: Any) -> dict[str, float]:
    """Return the metrics on held-out rows: accuracy; precision, recall and F1 averaged over classes."""
    from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

    guess = model.predict(features)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, guess, average="macro", zero_division=0
    )
    found = {
        "accuracy": float(accuracy_score(labels, guess)),
        "precision": float(precision),
        "recall": float(recall),
        "f1_score": float(f1),
    }
    if hasattr(model, "predict_proba"):
        chances = model.predict_proba(features)
        found["log_loss"] = float(log_loss(labels, chances, labels=model.classes_))
    return found


def weights(model: Any, names: list[str], classes: list[str]) -> tuple[str, dict[str, Any]]:
    """Return what the model found important: (artifact type, document)."""
    if hasattr(model, "feature_importances_"):
        ranked = sorted(zip(names, model.feature_importances_, strict=True), key=lambda p: -p[1])
        return "feature_importance", {"features": [{"name": n, "importance": float(v)} for n, v in ranked]}
    rows = model.coef_ if len(model.coef_) > 1 else [model.coef_[0]]
    shown = classes if len(rows) > 1 else classes[-1:]
    return "linear_coefficients", {
        "features": names,
        "classes": [
            {"class": name, "intercept": float(start), "coefficients": [float(v) for v in row]}
            for name, row, start in zip(shown, rows, _intercepts(model, len(rows)), strict=True)
        ],
    }


def _intercepts(model: Any, count: int) -> list[float]:
    import numpy as np

    return [float(v) for v in np.broadcast_to(np.atleast_1d(model.intercept_), count)]
