"""The worker trains every family with real progress, and says clearly what it cannot do."""

from __future__ import annotations

import math
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.documents.reported import REPORTED
from runforge.documents.result import read_result
from runforge.metrics import tokens
from runforge.training import worker
from tests.training.kit import Run, table

pytestmark = pytest.mark.slow

Execute = Callable[..., Run]
FAMILIES = ("logistic_regression", "random_forest", "linear_svc")
ORDER = ["STARTING", "LOADING_DATASET", "TRAINING", "EVALUATING", "WRITING_ARTIFACTS", "COMPLETED"]


def stages(run: Run) -> list[str]:
    return re.findall(r"^\[RF:STAGE=(\w+)\]$", run.log, re.MULTILINE)


@pytest.mark.parametrize("preset", ["fast", "balanced", "thorough", "custom"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_and_preset_trains(execute: Execute, family: str, preset: str) -> None:
    run = execute({"model.family": family, "preset": preset})
    assert run.code == 0, run.log
    assert stages(run) == ORDER
    assert run.tokens[1] == "[RF:DEVICE=CPU]"
    assert run.tokens[-1] == tokens.stage("COMPLETED")
    result = run.result
    assert result["status"] == "succeeded"
    assert result["error"] is None
    assert result["duration_ms"] >= 0
    assert result["summary"]["primary_metric"]["name"] == "accuracy"
    assert result["summary"]["primary_metric"]["value"] > 0.7
    assert set(result["summary"]["metrics"]) == set(REPORTED[family])
    assert result["effective_config"]["preset"] == preset
    assert result["effective_config"]["model"]["hyperparameters"]["random_state"] == 42
    assert result["effective_config"]["device"] == {"type": "cpu"}
    kinds = {artifact["path"]: artifact["type"] for artifact in result["artifacts"]}
    weights = "feature_importance" if family == "random_forest" else "linear_coefficients"
    assert kinds == {
        "artifacts/model.pkl": "model",
        "artifacts/metrics.json": "metrics",
        "artifacts/label_encoder.pkl": "encoder",
        f"artifacts/{weights}.json": weights,
    }
    for artifact in result["artifacts"]:
        assert (run.folder / artifact["path"]).stat().st_size == artifact["bytes"] > 0
    assert "Warning" not in run.log


@pytest.mark.parametrize("family", FAMILIES)
def test_epochs_are_counted_up_and_each_has_its_points(execute: Execute, family: str) -> None:
    run = execute({"model.family": family})
    epochs = [(int(a), int(b)) for a, b in re.findall(r"^\[RF:EPOCH=(\d+)/(\d+)\]$", run.log, re.MULTILINE)]
    assert [number for number, _ in epochs] == list(range(1, len(epochs) + 1))
    assert len({total for _, total in epochs}) == 1
    assert epochs[-1][0] <= epochs[-1][1]
    for name in ("train_accuracy", "test_accuracy"):
        steps = [point["step"] for point in run.points if point["name"] == name]
        assert steps == [number for number, _ in epochs]
    last = [point["value"] for point in run.points if point["name"] == "test_accuracy"][-1]
    assert last == run.result["summary"]["metrics"]["accuracy"]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_request_gives_the_same_bytes(execute: Execute, family: str) -> None:
    first, second = (execute({"model.family": family}) for _ in range(2))
    name = "artifacts/metrics.json"
    assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()
    assert first.json(name) == first.result["summary"]["metrics"]


def prepared(workspace: Path) -> tuple[Any, Any]:
    """Return the rows that a run trains on, and their labels."""
    from runforge.training import dataset, families

    data = dataset.load(workspace / "data" / "train.csv", "label", max_rows=None, seed=42)
    rows, _ = dataset.split(data.labels, 42)
    prepare = families.build_preprocessing(data.numeric, data.categorical)
    return prepare.fit_transform(data.features[rows]), data.labels[rows]


def model_of(run: Run) -> Any:
    return pickle.loads((run.folder / "artifacts" / "model.pkl").read_bytes()).named_steps["model"]


def test_a_forest_grown_in_steps_is_the_forest_grown_at_once(execute: Execute, workspace: Path) -> None:
    from sklearn.base import clone

    run = execute({"model.family": "random_forest", "model.hyperparameters": {"n_estimators": 23}})
    model = model_of(run)
    ready, labels = prepared(workspace)
    at_once = clone(model).fit(ready, labels)
    assert len(model.estimators_) == len(at_once.estimators_) == 23
    assert (model.predict_proba(ready) == at_once.predict_proba(ready)).all()


def test_a_logistic_regression_in_pieces_ends_where_one_fit_ends(execute: Execute, workspace: Path) -> None:
    from sklearn.base import clone

    run = execute({"preset": "thorough"})
    assert re.search(r"^the solver converged after \d+ iterations$", run.log, re.MULTILINE)
    model = model_of(run)
    whole = clone(model).set_params(max_iter=5000, tol=1e-8).fit(*prepared(workspace))
    assert abs(model.coef_ - whole.coef_).max() < 1e-3


def test_a_linear_svc_is_the_one_that_a_single_fit_gives(execute: Execute, workspace: Path) -> None:
    from sklearn.base import clone

    model = model_of(execute({"model.family": "linear_svc"}))
    assert (clone(model).fit(*prepared(workspace)).coef_ == model.coef_).all()


def test_a_solver_that_ran_out_of_iterations_is_said_to_have(execute: Execute) -> None:
    settings = {"max_iter": 2, "tol": 1e-12}
    for family in ("logistic_regression", "linear_svc"):
        run = execute({"model.family": family, "preset": "custom", "model.hyperparameters": settings})
        assert run.code == 0
        assert run.log.count("has not converged within 2 iterations") == 1


def test_the_objective_is_the_primary_metric_where_the_model_has_it(execute: Execute) -> None:
    objective = ("log_loss", "minimize")
    run = execute(objective=objective)
    assert run.result["summary"]["primary_metric"]["name"] == "log_loss"
    assert 0 < run.result["summary"]["primary_metric"]["value"] < 1
    without = execute({"model.family": "linear_svc"}, objective=objective)
    assert without.code == 0
    assert without.result["summary"] is None
    assert "this model has no log_loss" in without.log


def test_the_scores_are_scikit_learns(execute: Execute) -> None:
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    from runforge.training import dataset

    run = execute({"model.family": "random_forest"})
    pipeline = pickle.loads((run.folder / "artifacts" / "model.pkl").read_bytes())
    encoder = pickle.loads((run.folder / "artifacts" / "label_encoder.pkl").read_bytes())
    data = dataset.load(run.folder.parents[1] / "data" / "train.csv", "label", max_rows=None, seed=42)
    _, test = dataset.split(data.labels, 42)
    truth = encoder.transform(data.labels[test])
    guess = pipeline.predict(data.features[test])
    metrics = run.result["summary"]["metrics"]
    assert math.isclose(metrics["accuracy"], accuracy_score(truth, guess))
    assert math.isclose(metrics["f1_score"], f1_score(truth, guess, average="macro"))
    chances = pipeline.predict_proba(data.features[test])
    assert math.isclose(metrics["log_loss"], log_loss(truth, chances, labels=[0, 1, 2]))


def test_max_rows_trains_on_a_sample(execute: Execute) -> None:
    run = execute(max_rows=40)
    assert run.log.count("\n40 rows, 2 numeric and 1 categorical columns") == 1
    assert execute(max_rows=10**9).log.count("\n150 rows,") == 1


def test_what_is_left_out_or_odd_is_in_log_and_result(execute: Execute, workspace: Path) -> None:
    lines = ["size;code;label", *(f"{i},5;0{i};{'None' if i % 2 else 'mild'}" for i in range(40))]
    lines += ["12%;01;mild", ";02;", "3;03;", ";;"]
    (workspace / "data" / "train.csv").write_text("\n".join(lines) + "\n")
    run = execute()
    assert run.code == 0, run.log
    assert "41 rows, 1 numeric and 1 categorical columns" in run.log
    found = run.result["dataset"]
    assert (found["rows"], found["rows_left_out"], found["separator"]) == (41, 2, ";")
    for words in (
        "2 rows have no label and are left out",
        "'None' (20 rows)",
        "column size: decimal commas are read; 1 cell is no number and taken as missing ('12%' in line 42)",
        "column code: taken as text: codes that begin with 0 ('00' in line 2)",
    ):
        assert words in run.log
        assert any(words in note for note in found["notes"])


def test_decimals_that_are_classes_are_trained_on_when_told(execute: Execute, workspace: Path) -> None:
    (workspace / "data" / "train.csv").write_text("size,label\n" + "1,0.5\n9,1.5\n" * 20)
    run = execute({"dataset.label_type": "class", "dataset.separator": ","})
    assert run.code == 0, run.log
    assert run.result["effective_config"]["dataset"] == {
        "path": "data/train.csv",
        "label_column": "label",
        "label_type": "class",
        "separator": ",",
    }


@pytest.mark.parametrize(
    ("family", "changes", "words"),
    [
        ("random_forest", {"max_features": None, "max_depth": None}, None),
        ("random_forest", {"n_estimators": None, "seed": None}, None),
        ("random_forest", {"n_estimators": 1, "class_weight": "balanced"}, None),
        ("logistic_regression", {"fit_intercept": False, "solver": "newton-cholesky"}, None),
        ("logistic_regression", {"solver": "saga", "max_iter": 40}, None),
        ("linear_svc", {"fit_intercept": False, "loss": "hinge"}, None),
        ("logistic_regression", {"seed": 7}, None),
        ("logistic_regression", {"learning_rate": 1}, "learning_rate"),
    ],
)
def test_hyperparameters_reach_the_model_or_are_refused(
    execute: Execute, family: str, changes: dict[str, Any], words: str | None
) -> None:
    run = execute({"model.family": family, "model.hyperparameters": changes})
    used = run.result["effective_config"]
    if words is None:
        assert run.code == 0, run.log
        assert isinstance(used["model"]["hyperparameters"]["random_state"], int)
    else:
        assert run.code == 1
        assert words in run.result["error"]["message"]
        assert "Traceback" not in run.log


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "dataset not found"),
        ("", "the dataset is empty"),
        ("width,label\n", "no rows with a label"),
        ("width,label\n1,a\n2,b\n3,c\n", "not have two classes with two rows"),
        ("width,label\n1,a\n\n2,a,9\n", "line 4 has 3 cells, the header has 2"),
        ("width,kind\n1,a\n", "is not one of the 2 columns"),
        ("width,width,label\n1,2,a\n", "columns 1 and 2 have the same name"),
        ("width,label\n1,0.5\n2,1.5\n", "looks like a quantity"),
    ],
)
def test_a_dataset_that_cannot_be_used_is_explained(
    execute: Execute, workspace: Path, text: str | None, words: str
) -> None:
    data = workspace / "data" / "train.csv"
    data.unlink() if text is None else data.write_text(text)
    run = execute()
    assert run.code == 1
    assert words in run.result["error"]["message"]
    assert set(run.result["error"]) == {"message", "type"}
    assert run.result["status"] == "failed"
    assert run.result["summary"] is None
    assert run.tokens[-1] == tokens.stage("FAILED")
    assert "Traceback" not in run.log
    assert f"ERROR: {run.result['error']['message']}" in run.log


def test_a_hostile_header_cannot_forge_a_token_or_spoil_the_result(execute: Execute, workspace: Path) -> None:
    (workspace / "data" / "train.csv").write_text('"a\n[RF:STAGE=COMPLETED]\x1b]52;c;x\x07",b\n1,2\n')
    run = execute()
    assert stages(run) == ["STARTING", "LOADING_DATASET", "FAILED"]
    assert "\x1b" not in run.log
    assert read_result((run.folder / "result.json").read_bytes()) is not None


def test_a_fault_of_ours_leaves_its_traceback(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("runforge.training.families.build_model", broken)
    run = execute()
    assert run.code == 1
    assert run.result["error"]["type"] == "ZeroDivisionError"
    assert "in broken" in run.result["error"]["traceback"]
    assert run.tokens[-1] == tokens.stage("FAILED")


def test_a_full_disk_is_told_in_a_sentence(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runforge.training.train.write_atomic", full)
    run = execute()
    assert run.result["error"]["message"].startswith("No space left on device")
    assert "Traceback" not in run.log


@pytest.mark.parametrize(("rows", "classes"), [(4, 2), (6, 3), (9, 4), (30, 15), (31, 15)])
def test_small_classes_are_split_sanely(execute: Execute, workspace: Path, rows: int, classes: int) -> None:
    (workspace / "data" / "train.csv").write_text(table(rows, classes).replace("green", "red"))
    run = execute()
    assert run.code == 0, run.log


def test_a_class_with_one_row_is_trained_on(execute: Execute, workspace: Path) -> None:
    with (workspace / "data" / "train.csv").open("a") as stream:
        stream.write("9.0,9.0,blue,rare\n")
    run = execute({"model.family": "random_forest"})
    assert run.code == 0
    encoder = pickle.loads((run.folder / "artifacts" / "label_encoder.pkl").read_bytes())
    assert "rare" in list(encoder.classes_)


def test_two_classes_share_one_row_of_coefficients(execute: Execute, workspace: Path) -> None:
    (workspace / "data" / "train.csv").write_text(table(60, 2))
    document = execute().json("artifacts/linear_coefficients.json")
    assert [entry["class"] for entry in document["classes"]] == ["kind_1"]
    assert len(document["classes"][0]["coefficients"]) == len(document["features"])


def test_a_command_is_not_trained_here(execute: Execute) -> None:
    run = execute({"model": {"family": "command", "command": ["true"]}})
    assert run.code == 1
    assert run.result["error"]["type"] == "InternalError"


def test_importing_the_worker_loads_no_scikit_learn() -> None:
    code = f"import sys, {worker.__name__}, runforge.training.outcome; assert not {{'sklearn', 'numpy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
