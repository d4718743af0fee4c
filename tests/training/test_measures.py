"""The metrics that RunForge computes itself are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

from runforge.training import measures


@pytest.mark.parametrize("seed", range(20))
def test_the_scores_are_those_of_scikit_learn(seed: int) -> None:
    chance = np.random.default_rng(seed)
    classes = 2 + seed % 4
    labels = np.arange(60) % classes
    features = chance.normal(labels[:, None], 1.5, (60, 2))
    model = LogisticRegression().fit(features, labels)
    # Few rows: some classes are missing there, or are not guessed, or both.
    some = chance.integers(0, 60, 3 + seed)
    guess, there = model.predict(features[some]), labels[some]
    means = precision_recall_fscore_support(there, guess, average="macro", zero_division=0)
    assert measures.scores(model, measures.guessed(model, features[some]), there) == pytest.approx(
        {
            "accuracy": accuracy_score(there, guess),
            "precision": means[0],
            "recall": means[1],
            "f1_score": means[2],
            "log_loss": log_loss(there, model.predict_proba(features[some]), labels=range(classes)),
        },
        rel=1e-12,
    )
