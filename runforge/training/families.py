"""The model families: how each is built, and how it grows, epoch by epoch, with real progress.

An epoch is what the algorithm really repeats: trees added to the forest (warm_start), iterations of
the solver that goes on where it stood (logistic regression), or, for liblinear, which cannot go on, a
fit with twice the iterations of the one before. A solver that has converged ends its epochs early.
Importing this loads no scikit-learn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runforge.documents.hyperparameters import effective
from runforge.documents.request import Request
from runforge.errors import InvalidRequest

EPOCHS = 10
#: A solver that is restarted forgets its estimate of the curvature: shorter pieces would slow it down.
_LEAST_ITERATIONS = 10
_NULL_IS_A_VALUE = frozenset({"max_depth", "max_features", "class_weight"})


@dataclass(frozen=True, slots=True)
class Epoch:
    """One step of a fit, of `total` planned ones."""

    number: int
    total: int
    #: Iterations of the solver so far that count for the model; None where there are none (forest).
    iterations: int | None
    has_converged: bool
    #: What scikit-learn warned of in this step, apart from not having converged yet.
    warnings: tuple[str, ...]


def settings(request: Request) -> dict[str, Any]:
    """Return the hyperparameters that a run uses.

    A null means "not given", as it does in a sweep, save where it is a value of its own: no limit of
    depth, every feature, equal classes.
    """
    given = {
        name: value
        for name, value in request.hyperparameters.items()
        if value is not None or name in _NULL_IS_A_VALUE or request.family == "command"
    }
    return effective(request.family, request.preset, given)


def build_preprocessing(numeric: list[int], categorical: list[int]) -> Any:
    """Return the transformer: medians and scaling for numbers, one-hot for texts."""
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    to_float = FunctionTransformer(np.asarray, kw_args={"dtype": float}, feature_names_out="one-to-one")
    numbers = [
        ("float", to_float),
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", StandardScaler()),
    ]
    texts = [
        ("impute", SimpleImputer(strategy="constant", fill_value="(missing)", missing_values=None)),
        (
            "encode",
            OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=50, sparse_output=False),
        ),
    ]
    parts = [("numbers", Pipeline(numbers), numeric), ("texts", Pipeline(texts), categorical)]
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


def epochs(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    """Fit the model step by step, yielding after each.

    Raises InvalidRequest for values that scikit-learn refuses.
    """
    if hasattr(model, "n_estimators"):
        yield from _grow(model, features, labels)
    elif hasattr(model, "warm_start"):
        yield from _go_on(model, features, labels)
    else:
        yield from _fit_longer(model, features, labels)


def _grow(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    total = model.n_estimators
    steps = min(EPOCHS, total)
    model.set_params(warm_start=True)
    for step in range(1, steps + 1):
        model.set_params(n_estimators=math.ceil(total * step / steps))
        warned = _fit(model, features, labels)
        if step == steps:
            model.set_params(warm_start=False)
        yield Epoch(step, steps, None, True, warned)


def _go_on(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    limit = model.max_iter
    steps = max(1, min(EPOCHS, limit // _LEAST_ITERATIONS))
    planned = done = 0
    for step in range(1, steps + 1):
        piece = math.ceil(limit * step / steps) - planned
        model.set_params(max_iter=piece, warm_start=True)
        warned = _fit(model, features, labels)
        planned += piece
        used = _iterations(model)
        done += used
        model.set_params(max_iter=limit, warm_start=False)
        yield Epoch(step, steps, done, used < piece, warned)
        if used < piece:
            return


def _fit_longer(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    limit = model.max_iter
    pieces = sorted({max(1, math.ceil(limit / 2**power)) for power in range(4)})
    for step, piece in enumerate(pieces, start=1):
        model.set_params(max_iter=piece)
        warned = _fit(model, features, labels)
        model.set_params(max_iter=limit)
        used = _iterations(model)
        yield Epoch(step, len(pieces), used, used < piece, warned)
        if used < piece:
            return


def _fit(model: Any, features: Any, labels: Any) -> tuple[str, ...]:
    """Fit; return the warnings worth telling. That a piece has not converged is no news."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(features, labels)
        except ValueError as problem:
            raise InvalidRequest(
                f"scikit-learn refuses to train: {problem}", where="model.hyperparameters"
            ) from problem
    told = [w for w in caught if not issubclass(w.category, ConvergenceWarning)]
    return tuple(dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in told))


def _iterations(model: Any) -> int:
    import numpy as np

    return int(np.max(model.n_iter_))
