"""Real tools as runs: a script that knows nothing of RunForge, started as a run, whose metrics must appear."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from runforge.metrics.last_values import RunValues
from runforge.metrics.run_curves import read_curves
from tests.supervise.kit import Attempt

SCRIPTS = Path(__file__).parent / "scripts"
pytestmark = pytest.mark.writers

#: The script with its argument, the modules that it needs, and curves with their numbers of points.
RUNS = {
    "tensorboardx": ("tensorboardx.py", ["tensorboardX"], {"train/loss": 20, "val/acc": 20}),
    "torch": ("torch_events.py", ["torch", "tensorboard"], {"train/loss": 20, "both_a/both": 20}),
    "wandb": ("wandb_offline.py", ["wandb"], {"loss": 20, "val.acc": 20, "bad": 20}),
    "xgboost": ("boosters.py xgboost", ["xgboost"], {"train-logloss": 8, "eval-auc": 8}),
    "lightgbm": ("boosters.py lightgbm", ["lightgbm"], {"valid_1's auc": 4}),
    "catboost": ("boosters.py catboost", ["catboost"], {"test/Logloss": 8, "learn/Accuracy": 8}),
    "lightning": ("lightning_csv.py", ["lightning"], {"train_loss": 12, "val_loss": 3}),
    "keras": ("keras_csv.py", ["keras", "torch"], {"loss": 3, "val_mae": 3}),
    "hf": ("hf_trainer.py", ["transformers", "accelerate"], {"loss": 6, "eval_loss": 3}),
    "fastai": ("fastai_csv.py", ["fastai"], {"train_loss": 4, "valid_loss": 4}),
    "dvclive": ("dvclive_tsv.py", ["dvclive"], {"train/loss": 5, "acc": 5}),
    "mmengine": ("mmengine_json.py", ["mmengine"], {"loss": 5}),
}


@pytest.mark.parametrize("tool", RUNS)
def test_metrics_of_a_real_tool_appear(tools: Path, tmp_path: Path, tool: str) -> None:
    script, modules, expected = RUNS[tool]
    require(tools, modules)
    attempt = run(tools, tmp_path, script)
    curves = read_curves(attempt.run_dir)
    assert {name: len(curves[name].steps) for name in expected if name in curves} == expected, attempt.log
    last = RunValues(attempt.run_dir).last
    assert repr({name: curve.values[-1] for name, curve in curves.items()}) == repr(last)


def run(tools: Path, folder: Path, script: str) -> Attempt:
    """Run a script to its end in a workspace of its own."""
    (folder / ".runforge").mkdir()
    attempt = Attempt(folder)
    name, *arguments = script.split()
    path = attempt.spec(
        [str(tools), str(SCRIPTS / name), *arguments],
        workspace=str(folder),
        cwd=str(folder),
        env={"HOME": str(folder), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"},
    )
    attempt.start_spec(path)
    record = attempt.wait()
    assert record is not None
    assert record.exit_code == 0, attempt.log
    return attempt


def require(tools: Path, modules: list[str]) -> None:
    """Skip the test, and say why, if a module is not installed."""
    code = "import importlib.util, json, sys; print(json.dumps([m for m in sys.argv[1:] if not importlib.util.find_spec(m)]))"
    done = subprocess.run(
        [tools, "-c", code, *modules], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    missing = json.loads(done.stdout)
    if missing:
        pytest.skip(f"could not be installed here: {', '.join(missing)}")
