"""The model families: how each is built, and how it grows with each epoch.

An epoch is what the algorithm really repeats: new trees of the forest (warm_start), or more iterations of the
solver (logistic regression). liblinear cannot continue, so its epoch is a new fit with twice the iterations.
A solver that has converged ends its epochs early. Importing this does not load scikit-learn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from runforge.errors import InvalidRequest
from runforge.training.estimators import estimator

EPOCHS = 10
#: A restarted solver loses its estimate of the curvature: shorter pieces would make it slow.
_LEAST_ITERATIONS = 10


@dataclass(frozen=True, slots=True)
class Epoch:
    """One step of a fit, of `total` planned steps."""

    number: int
    total: int
    #: The solver's iterations for this model so far; None for a forest.
    iterations: int | None
    has_converged: bool
    #: The warnings of scikit-learn in this step, without those about convergence.
    warnings: tuple[str, ...]


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


class Begun(NamedTuple):
    """The columns of a part of a transformer after its first steps, whose work is the same for all choices of rows."""

    found: Any
    steps: int


def begun(prepare: Any, features: Any) -> dict[str, Begun]:
    """Do the steps of a fitted transformer that have nothing to learn from the rows."""
    made = {}
    for name, part, columns in prepare.transformers_:
        found, done = features[:, columns], 0
        for _, step in part.steps:
            if not _learns_nothing(step, found):
                break
            found, done = step.transform(found), done + 1
        made[name] = Begun(found, done)
    return made


def _learns_nothing(step: Any, found: Any) -> bool:
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import FunctionTransformer

    if isinstance(step, SimpleImputer):  # a column may be empty in some of the rows only
        return bool(step.strategy == "constant" and not _lacks(step, found))
    return isinstance(step, FunctionTransformer)


def _lacks(step: Any, found: Any) -> bool:
    """Return whether a cell is missing, as this imputer sees it."""
    import numpy as np

    missing = step.missing_values
    is_missing = np.isnan(found) if isinstance(missing, float) else np.equal(found, missing)
    return bool(is_missing.any())


def fitted_anew(prepare: Any, begun: dict[str, Begun], rows: Any) -> Any:
    """Fit the parts of a fitted transformer to some rows; return all rows transformed, or None if they do not fit in it.

    The transformer itself keeps only where the columns of its parts are. They may be more or fewer with other rows, for
    not every text is in all of them. To fit it as a whole gives the same and takes twice as long.
    """
    import numpy as np
    from sklearn.impute import SimpleImputer

    made = []
    for name, part, _ in prepare.transformers_:
        found, done = begun[name]
        for _, step in part.steps[done:]:
            # Sums depend on how the rows lie in memory: by columns, or one behind the other.
            laid = np.asfortranarray if found.flags.f_contiguous else np.ascontiguousarray
            step.fit(laid(found[rows]))
            if not isinstance(step, SimpleImputer) or _lacks(step, found):
                found = step.transform(found)
        place = prepare.output_indices_[name]
        if found.shape[1] != place.stop - place.start:
            return None
        made.append(found)
    return np.hstack(made)


def build_model(family: str, values: dict[str, Any]) -> Any:
    """Return the unfitted estimator of a family; InvalidRequest for values that it does not take."""
    import sklearn

    kind = estimator(family)
    known = kind().get_params()
    unknown = next((name for name in values if name not in known), None)
    if unknown is not None:
        raise InvalidRequest(
            f"{kind.__name__} of the installed scikit-learn {sklearn.__version__} has no {unknown}",
            where="model.hyperparameters",
            fix="Remove it, or install a scikit-learn that has it",
        )
    return kind(**values)


def epochs(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    """Fit the model step by step; yield after each step.

    Raises InvalidRequest for values that scikit-learn refuses.
    """
    if hasattr(model, "n_estimators"):
        yield from _grow(model, features, labels)
    elif getattr(model, "solver", "liblinear") != "liblinear":
        yield from _go_on(model, features, labels)
    else:
        yield from _fit_longer(model, features, labels)


def _grow(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    total = model.n_estimators
    steps = min(EPOCHS, total)
    given = {"warm_start": model.warm_start, "oob_score": model.oob_score}
    for step in range(1, steps + 1):
        # The out-of-bag score is useful only when all trees are there.
        is_whole = step == steps
        model.set_params(warm_start=True, oob_score=given["oob_score"] and is_whole)
        model.set_params(n_estimators=math.ceil(total * step / steps))
        warned = _fit(model, features, labels)
        if is_whole:
            model.set_params(**given)
        yield Epoch(step, steps, None, True, warned)


def _go_on(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    limit, given = model.max_iter, model.warm_start
    steps = max(1, min(EPOCHS, limit // _LEAST_ITERATIONS))
    planned = done = 0
    for step in range(1, steps + 1):
        piece = math.ceil(limit * step / steps) - planned
        model.set_params(max_iter=piece, warm_start=True)
        warned = _fit(model, features, labels)
        planned += piece
        used = _iterations(model)
        done += used
        model.set_params(max_iter=limit, warm_start=given)
        yield Epoch(step, steps, done, used < piece, warned)
        if used < piece:
            return


def _fit_longer(model: Any, features: Any, labels: Any) -> Iterator[Epoch]:
    limit = model.max_iter
    pieces = sorted({math.ceil(limit / 2**power) for power in range(4)})
    for step, piece in enumerate(pieces, start=1):
        model.set_params(max_iter=piece)
        warned = _fit(model, features, labels)
        model.set_params(max_iter=limit)
        used = _iterations(model)
        yield Epoch(step, len(pieces), used, used < piece, warned)
        if used < piece:
            return


def _fit(model: Any, features: Any, labels: Any) -> tuple[str, ...]:
    """Fit; return the important warnings. A piece that has not converged is normal."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(features, labels)
        except (ValueError, OverflowError) as problem:
            raise InvalidRequest(
                f"scikit-learn refuses to train: {problem}", where="model.hyperparameters"
            ) from problem
    told = [
        w
        for w in caught
        # The second warns of different rows for each piece; here they are the same.
        if not issubclass(w.category, ConvergenceWarning) and "for warm_start" not in str(w.message)
    ]
    return tuple(dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in told))


def _iterations(model: Any) -> int:
    import numpy as np

    return int(np.max(model.n_iter_))
