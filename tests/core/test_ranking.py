"""Which way a metric is better, and which run is best: by the objective, else by the name, else none."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.core.ranking import (
    Ranking,
    direction_of_name,
    first_metric,
    has_diverged,
    ranking,
    without_split,
)

LOW = [
    *("loss", "error", "mse", "rmse", "mae", "log_loss", "nll", "perplexity", "ppl", "wer", "cer", "err"),
    *("val_loss", "val/loss", "eval_loss", "test_rmse", "train.loss", "valid_loss", "test/error", "valLoss"),
    *("mean_absolute_error", "error_rate", "time_per_step", "p95_latency_ms", "dice_loss", "accuracy_loss"),
    *("brier_score", "binary_logloss", "negative_log_likelihood", "crossEntropy", "loss1", "trainloss"),
]
HIGH = [
    *("accuracy", "acc", "auc", "f1", "f1_score", "r2", "R2", "score", "mAP", "bleu", "reward", "precision"),
    *("recall", "val_accuracy", "val/acc", "eval_f1", "test_r2", "mAP@0.5", "acc@1", "recall@10", "rocAuc"),
    *("neg_log_loss", "neg_mean_squared_error", "log_likelihood", "5shot_acc", "reward/mean"),
]
UNKNOWN = ["foo", "", "lr", "loss_scale", "grad_norm", "accuracy_std", "time_to_accuracy", "trainer", "123"]


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        *((name, "minimize") for name in LOW),
        *((name, "maximize") for name in HIGH),
        *((name, None) for name in UNKNOWN),
    ],
)
def test_a_name_says_which_way_is_better_or_nothing(name: str, direction: str | None) -> None:
    assert direction_of_name(name) == direction


@given(st.text(max_size=20))
def test_any_name_has_an_answer(name: str) -> None:
    assert direction_of_name(name) in {"minimize", "maximize", None}
    assert without_split(name) or not name


def test_the_objective_decides_before_the_name() -> None:
    assert ranking("loss", "maximize", "acc") == Ranking("loss", "maximize")
    assert ranking(None, "maximize", "loss") == Ranking("loss", "minimize")
    assert ranking(None, "maximize", "foo") == Ranking("foo", None)
    assert ranking(None, "maximize", None) == Ranking(None, None)


class Run(NamedTuple):
    metric_value: float | None
    metric_name: str | None = "loss"
    state: str = "succeeded"


NOT_RANKED = [
    Run(math.nan),
    Run(math.inf),
    Run(-math.inf),
    Run(None),
    Run(0.0, "acc"),
    Run(0.0, state="failed"),
    Run(None, None, "queued"),
]


def test_only_runs_that_succeeded_with_a_finite_value_of_the_metric_are_ranked() -> None:
    runs = [Run(0.5), *NOT_RANKED, Run(0.25), Run(0.75)]
    assert [r.metric_value for r in Ranking("loss", "minimize").best_first(runs)] == [0.25, 0.5, 0.75]
    assert [r.metric_value for r in Ranking("loss", "maximize").best_first(runs)] == [0.75, 0.5, 0.25]
    assert Ranking("loss", None).best_first(runs) == []


def test_why_no_run_is_best() -> None:
    assert Ranking("loss", "minimize").why_none([Run(None), Run(1.0)]) == ""
    assert Ranking("loss", "minimize").why_none([Run(None)]) == (
        "loss has diverged in every run that succeeded"
    )
    assert Ranking("foo", None).why_none([Run(1.0, "foo")]) == (
        "it is unknown whether foo is better high or low; `--metric NAME:min` or the plan's `objective` says it"
    )
    assert Ranking(None, None).why_none([Run(None, None)]) == ""
    assert Ranking("loss", "minimize").why_none([Run(1.0, state="failed")]) == ""


def test_a_group_without_objective_goes_by_the_metric_of_its_first_success() -> None:
    assert first_metric([Run(1.0, "x", "failed"), Run(None, None), Run(None, "y"), Run(2.0, "z")]) == "y"
    assert first_metric([]) is None
    assert [has_diverged(run) for run in (Run(None), Run(1.0), Run(None, None))] == [True, False, False]
