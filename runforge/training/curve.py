"""The learning curve: how good a growing model is on the training rows and on the test rows."""

from __future__ import annotations

from typing import Any

from runforge.training.measures import Guessed, guessed, likeliest, log_loss


class Curve:
    """Points of accuracy, and of loss if the model has probabilities, for every epoch.

    Both sides are predicted in one pass, and of a forest only the new trees. Otherwise the curve of a small
    model would take longer than its training.
    """

    def __init__(self, train: tuple[Any, Any], test: tuple[Any, Any]) -> None:
        import numpy as np

        self._features = np.concatenate([train[0], test[0]])
        self._labels = np.concatenate([train[1], test[1]])
        edge = len(train[1])
        self._sides = {"train": slice(None, edge), "test": slice(edge, None)}
        self._trees = 0
        self._votes: Any = 0.0
        self._said = Guessed(None, None)

    def point(self, model: Any) -> dict[str, float]:
        """Return the values at this epoch, by name: train_accuracy, test_accuracy, train_loss, test_loss."""
        import numpy as np

        guess, chances = self._said = self._look(model)
        found = {}
        for side, rows in self._sides.items():
            found[f"{side}_accuracy"] = float(np.mean(guess[rows] == self._labels[rows]))
            if chances is not None:
                found[f"{side}_loss"] = log_loss(model, chances[rows], self._labels[rows])
        return found

    @property
    def of_test_rows(self) -> Guessed:
        """What the model has said of the test rows at the last point."""
        rows = self._sides["test"]
        return Guessed(*(each if each is None else each[rows] for each in self._said))

    def _look(self, model: Any) -> Guessed:
        if hasattr(model, "estimators_"):
            return likeliest(model, self._mean_of_trees(model.estimators_))
        return guessed(model, self._features)

    def _mean_of_trees(self, trees: list[Any]) -> Any:
        if not self._trees:
            # The type that trees use; converted once, not for each tree.
            self._features = self._features.astype("float32")
        for tree in trees[self._trees :]:
            self._votes = self._votes + tree.predict_proba(self._features, check_input=False)
        self._trees = len(trees)
        return self._votes / self._trees
