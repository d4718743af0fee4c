"""Hyperparameters in a request: what is refused, with which words, and what a null means."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from runforge.cli import samples
from runforge.documents import estimator_table
from runforge.documents.hyperparameters import effective, problem
from runforge.documents.request import parse_request
from runforge.errors import InvalidRequest


@pytest.mark.parametrize(
    ("family", "name", "value", "words"),
    [
        ("logistic_regression", "C", 0, "a number above 0, not 0"),
        ("logistic_regression", "penalty", "l3", "one of elasticnet, l1, l2, not 'l3'"),
        ("logistic_regression", "n_jobs", 1.5, "an integer, not 1.5"),
        ("logistic_regression", "l1_ratio", 2, "a number of at least 0 and up to 1"),
        ("logistic_regression", "class_weight", {"a": "b"}, "an object of classes and their weights"),
        ("logistic_regression", "seed", 2**32, "an integer of at least 0"),
        ("linear_svc", "dual", 1, "true or false, or one of auto"),
        ("linear_svc", "pennalty", "l1", "Did you mean 'penalty'?"),
        ("random_forest", "n_estimators", True, "an integer of at least 1, not True"),
        ("random_forest", "min_samples_leaf", 1.5, "a share such as 0.5, above 0 and below 1"),
    ],
)
def test_what_no_estimator_takes_is_refused(family: str, name: str, value: Any, words: str) -> None:
    told = problem(family, name, value)
    assert told is not None
    assert words in told


@pytest.mark.parametrize(
    ("family", "given"),
    [
        (
            "logistic_regression",
            {"penalty": "elasticnet", "n_jobs": -1, "dual": False, "intercept_scaling": 1},
        ),
        ("random_forest", {"class_weight": {"yes": 2, "no": 0.5}, "max_samples": 0.5, "oob_score": True}),
        ("linear_svc", {"dual": "auto", "multi_class": "crammer_singer", "verbose": True, "seed": 0}),
    ],
)
def test_what_the_estimator_takes_passes(family: str, given: dict[str, Any]) -> None:
    assert [problem(family, name, value) for name, value in given.items()] == [None] * len(given)


def test_a_null_is_a_value_where_the_estimator_takes_it() -> None:
    assert effective("random_forest", "fast", {"max_depth": None}) == {
        "n_estimators": 50,
        "max_depth": None,
        "random_state": 42,
    }
    assert effective("logistic_regression", "custom", {"penalty": None, "C": None, "seed": None}) == {
        "penalty": None,
        "random_state": 42,
    }
    assert effective("random_forest", "custom", {"random_state": 1, "seed": 2}) == {"random_state": 2}


@pytest.mark.parametrize(("installed", "is_known"), [("1.7.3", True), ("1.9.9", False), ("3.0", True)])
def test_a_name_that_the_installed_version_has_no_longer_is_refused(
    monkeypatch: pytest.MonkeyPatch, installed: str, is_known: bool
) -> None:
    assert "multi_class" in estimator_table.PARTLY["logistic_regression"]
    monkeypatch.setattr(metadata, "version", lambda _: installed)
    assert (problem("logistic_regression", "multi_class", "ovr") is None) is is_known


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("separator", ":", r"dataset.separator: ':' is not one of comma \(','\), semicolon"),
        ("separator", 3, "dataset.separator: must be a text"),
        ("label_type", "number", "dataset.label_type: 'number' is unknown; known are class"),
    ],
)
def test_how_a_dataset_is_read_is_checked(field: str, value: Any, words: str) -> None:
    request = samples.request()
    request["dataset"][field] = value
    with pytest.raises(InvalidRequest, match=words):
        parse_request(request, where="r.json")


def test_the_dataset_of_a_command_is_its_own_business() -> None:
    request = {**samples.request(), "model": {"family": "command", "command": ["true"]}}
    request["dataset"]["separator"] = ":"
    assert parse_request(request, where="r.json").separator is None
