"""Files that real tools have written, and lines that they have printed: each metric is found, with its steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.metrics.progress import tail_progress
from runforge.metrics.run_curves import read_curves
from tests.metrics.kit import RECORDED, last, list_files, read_all, run_of


def steps(run_dir: Path, name: str) -> list[float]:
    return read_curves(run_dir)[name].steps


def test_tensorboard_of_tensorboardx(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "tensorboardx")
    assert last(tmp_path) == pytest.approx({"train/loss": 0.05, "val/acc": 0.95})
    assert steps(tmp_path, "train/loss") == list(range(20))


def test_tensorboard_of_torch_with_tensors_and_folders(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "torch")
    assert last(tmp_path) == pytest.approx({"train/loss": 0.05, "both_a/both": 19})
    assert steps(tmp_path, "train/loss") == list(range(20))


def test_wandb(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "wandb")
    assert last(tmp_path) == pytest.approx({"loss": 0.05, "val.acc": 0.95, "bad": float("inf")})
    assert steps(tmp_path, "loss") == list(range(20))


def test_xgboost_prints(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "xgboost")
    assert list(last(tmp_path)) == ["train-logloss", "train-auc", "eval-logloss", "eval-auc"]
    assert steps(tmp_path, "eval-auc") == list(range(8))


def test_lightgbm_prints(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "lightgbm")
    assert list(last(tmp_path)) == ["valid_1's binary_logloss", "valid_1's auc"]
    assert steps(tmp_path, "valid_1's auc") == [2, 4, 6, 8]


def test_catboost_writes_and_prints(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "catboost")
    names = ["learn/Logloss", "learn/Accuracy", "test/Logloss", "test/Accuracy"]
    assert sorted(last(tmp_path)) == sorted([*names, "learn", "test", "best"])
    assert steps(tmp_path, "test/Logloss") == list(range(8))


def test_catboost_without_its_event_files(tmp_path: Path) -> None:
    list_files(tmp_path, *(RECORDED / "catboost").rglob("*.tsv"))
    assert {name: len(curve.steps) for name, curve in read_curves(tmp_path).items()} == dict.fromkeys(
        ["test/Logloss", "test/Accuracy", "learn/Logloss", "learn/Accuracy"], 8
    )


def test_lightning(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "lightning")
    assert list(last(tmp_path)) == ["train_loss", "val_loss"]
    assert steps(tmp_path, "val_loss") == [7, 15, 23]


def test_keras_writes_a_table(tmp_path: Path) -> None:
    list_files(tmp_path, RECORDED / "keras" / "history.csv")
    assert list(last(tmp_path)) == ["loss", "mae", "val_loss", "val_mae"]
    assert steps(tmp_path, "val_loss") == [0, 1, 2]


def test_keras_prints(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_bytes((RECORDED / "keras" / "log.txt").read_bytes())
    assert list(last(tmp_path)) == ["loss", "mae", "val_loss", "val_mae"]
    assert steps(tmp_path, "val_loss") == [1, 2, 3]


def test_fastai_repeats_its_header(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "fastai")
    assert last(tmp_path) == pytest.approx({"train_loss": 0.1191370, "valid_loss": 0.1126943}, rel=1e-5)
    assert steps(tmp_path, "train_loss") == [0, 1, 0, 1]


def test_hugging_face_prints_and_the_newest_checkpoint_counts(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "hf")
    assert steps(tmp_path, "loss") == [0.5, 1, 1.5, 2, 2.5, 3]
    assert last(tmp_path)["train_loss"] == 0.2644
    (tmp_path / "logs.txt").unlink()
    assert steps(tmp_path, "loss") == [4, 8, 12, 16, 20, 24]
    assert steps(tmp_path, "eval_loss") == [8, 16, 24]
    last(tmp_path)


def test_dvclive(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "dvclive")
    assert last(tmp_path) == pytest.approx({"acc": 0.8, "train/loss": 0.2})


def test_mmengine(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDED / "mmengine")
    assert last(tmp_path) == pytest.approx({"loss": 0.2, "lr": 0.1})


@pytest.mark.parametrize("tool", sorted(path.name for path in RECORDED.iterdir() if path.is_dir()))
def test_it_is_told_where_each_metric_comes_from(tmp_path: Path, tool: str) -> None:
    curves = read_all(run_of(tmp_path, RECORDED / tool))
    assert curves.origins().keys() == curves.curves().keys()
    assert not curves.sentences()


@pytest.mark.parametrize("tool", sorted(path.name for path in RECORDED.iterdir() if path.is_dir()))
def test_a_running_runs_metric_is_one_of_its_curves(tmp_path: Path, tool: str) -> None:
    run_of(tmp_path, RECORDED / tool)
    progress = tail_progress(tmp_path)
    assert progress is not None
    assert repr(last(tmp_path)[str(progress.metric)]) == repr(progress.value)
