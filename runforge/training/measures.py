"""The metrics of a fitted model on test rows, and what it found important."""

from __future__ import annotations

from typing import Any, NamedTuple


class Guessed(NamedTuple):
    """What a model says of some rows."""

    classes: Any
    #: The probability of each class; None if the model has none.
    chances: Any


def guessed(model: Any, features: Any) -> Guessed:
    """Return what a model says of some rows, in one pass over the model."""
    if not hasattr(model, "predict_proba"):
        return Guessed(model.predict(features), None)
    return likeliest(model, model.predict_proba(features))


def likeliest(model: Any, chances: Any) -> Guessed:
    """Return what a model says that gives these chances to its classes."""
    return Guessed(model.classes_.take(chances.argmax(axis=1)), chances)


def scores(model: Any, said: Guessed, labels: Any) -> dict[str, float]:
    """Return the final metrics, from what the model says of the test rows.

    accuracy; precision, recall and f1_score as means over the classes (macro: a rare class counts as much as
    a common one); log_loss if the model has probabilities.
    """
    import numpy as np

    guess, chances = said
    precision, recall, f1 = _means_over_classes(labels, guess)
    found = {
        "accuracy": float(np.mean(guess == labels)),
        "precision": precision,
        "recall": recall,
        "f1_score": f1,
    }
    if chances is not None:
        found["log_loss"] = log_loss(model, chances, labels)
    return found


def _means_over_classes(labels: Any, guess: Any) -> tuple[float, float, float]:
    """Return precision, recall and f1 as scikit-learn does, without its checks, which take as long as a small fit.

    The classes are whole numbers from 0 on. One that is neither there nor guessed does not count, and what would be
    divided by zero is 0.
    """
    import numpy as np

    size = int(max(labels.max(), guess.max())) + 1
    right, there, guessed = (
        np.bincount(which, minlength=size) for which in (labels[labels == guess], labels, guess)
    )
    counts = there + guessed > 0
    precision, recall, f1 = (
        np.mean((right / np.maximum(of, 1))[counts]) for of in (guessed, there, (there + guessed) / 2)
    )
    return float(precision), float(recall), float(f1)


def log_loss(model: Any, chances: Any, labels: Any) -> float:
    """Return scikit-learn's log_loss without its checks, which take longer than the sum itself."""
    import numpy as np

    places = np.searchsorted(model.classes_, labels)
    right = chances[np.arange(len(labels)), places]
    return float(-np.mean(np.log(np.clip(right, np.finfo(chances.dtype).eps, 1.0))))


def weights(model: Any, names: list[str], classes: list[str]) -> tuple[str, dict[str, Any]]:
    """Return what the model found important: (artifact type, document)."""
    if hasattr(model, "feature_importances_"):
        ranked = sorted(zip(names, model.feature_importances_, strict=True), key=lambda p: -p[1])
        return "feature_importance", {
            "features": [{"name": name, "importance": float(value)} for name, value in ranked]
        }
    # Two classes share one row of coefficients, for the second class.
    shown = classes if len(model.coef_) > 1 else classes[-1:]
    rows = zip(shown, model.coef_, _intercepts(model), strict=True)
    return "linear_coefficients", {
        "features": names,
        "classes": [
            {"class": name, "intercept": start, "coefficients": [float(value) for value in row]}
            for name, row, start in rows
        ],
    }


def _intercepts(model: Any) -> list[float]:
    """Return one intercept for each row; with fit_intercept false scikit-learn has a single zero."""
    import numpy as np

    return [float(value) for value in np.broadcast_to(np.atleast_1d(model.intercept_), len(model.coef_))]
