"""Equal runs have equal digests; what says nothing about the computation does not count."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.core.recipe import config_hash, recipe

REQUEST: dict[str, Any] = {
    "version": 1,
    "preset": "custom",
    "created_at": "2026-01-01",
    "model": {"family": "command", "command": ["t", "{lr}"], "hyperparameters": {"lr": 0.1}, "folder": "/w"},
    "device": {"type": "cpu"},
}


def changed(**more: Any) -> dict[str, Any]:
    return {**REQUEST, **more}


@pytest.mark.parametrize(
    "more",
    [
        {"name": "n", "notes": "x", "tags": ["t"], "created_at": "later", "created_by": "me"},
        {"timeout_seconds": 5, "grace_seconds": 1, "retry": [{"times": 1}], "sweep_group_id": "g"},
        {"environment": {"id": "0" * 64}, "rerun_from": "r", "repeat": 1},
        {"resources": {"cpus": 4, "mem_mb": 100}, "device": {"type": "cpu", "gpu_reason": "no"}},
    ],
)
def test_what_does_not_change_the_computation_does_not_count(more: dict[str, Any]) -> None:
    assert config_hash(changed(**more)) == config_hash(REQUEST)


@pytest.mark.parametrize(
    "more",
    [
        {"repeat": 2},
        {"device": {"type": "gpu"}},
        {"dataset": {"path": "d.csv"}},
        {"preset": "fast"},
        {"model": {**REQUEST["model"], "folder": "/v"}},
        {"model": {**REQUEST["model"], "hyperparameters": {"lr": 0.2}}},
        {"model": {**REQUEST["model"], "hyperparameters": {"lr": "0.1"}}},
    ],
)
def test_what_changes_it_does(more: dict[str, Any]) -> None:
    assert config_hash(changed(**more)) != config_hash(REQUEST)


def test_two_gpus_are_another_configuration_than_one() -> None:
    gpu = changed(device={"type": "gpu"})
    assert config_hash(gpu) == config_hash({**gpu, "resources": {"gpus": 1}})
    assert config_hash(gpu) != config_hash({**gpu, "resources": {"gpus": 2}})


def test_runs_of_one_recipe_differ_in_parameters_alone() -> None:
    other = changed(model={**REQUEST["model"], "hyperparameters": {"lr": 0.2, "x": 1}}, repeat=3)
    assert recipe(other) == recipe(REQUEST)
    elsewhere = changed(model={**REQUEST["model"], "folder": "/v"})
    assert recipe(elsewhere) != recipe(REQUEST)
    assert recipe(elsewhere, ["model.folder"]) == recipe(REQUEST, ["model.folder"])
    assert REQUEST["model"]["hyperparameters"] == {"lr": 0.1}, "nothing is changed"
