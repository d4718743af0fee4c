"""Real trainers with loader workers that are asked to yield: they save, end with exit code 0, and go on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runforge.attempts import orders
from runforge.core import policy
from runforge.core.states import Cause, State
from runforge.metrics.last_values import RunValues
from tests.conftest import wait_until
from tests.supervise.kit import Attempt
from tests.writers.test_writers import SCRIPTS, require

pytestmark = pytest.mark.writers

RUNS = {
    "hf": ("hf_resumable.py", ["transformers", "accelerate"]),
    "lightning": ("lightning_resumable.py", ["lightning"]),
}


@pytest.mark.parametrize("tool", RUNS)
def test_a_real_trainer_saves_and_goes_on(tools: Path, tmp_path: Path, tool: str) -> None:
    script, modules = RUNS[tool]
    require(tools, modules)
    (tmp_path / "1").mkdir()
    first = Attempt(tmp_path / "1")
    checkpoints = first.run_dir / "checkpoints"
    checkpoints.mkdir()
    start(first, tools, script, checkpoints)
    wait_until(lambda: RunValues(first.run_dir).last.get("at", 0) >= 3, "it trains", 120)
    orders.give(first.folder, orders.YIELD)
    record = first.wait()
    assert record is not None
    assert record.yielded, first.log
    assert record.checkpoint_changed, first.log
    ending = policy.of_record(record)
    assert (ending.state, ending.cause, record.exit_code) == (State.QUEUED, Cause.YIELDED, 0), first.log
    assert record.last_step is not None
    assert first.marked() == []

    (tmp_path / "2").mkdir()
    second = Attempt(tmp_path / "2")
    start(second, tools, script, checkpoints, RUNFORGE_RESUME="1")
    record = second.wait()
    assert record is not None
    assert record.exit_code == 0, second.log
    steps = [int(line.split()[1]) for line in second.log.splitlines() if line.startswith("[RF:METRIC=at")]
    assert steps[0] >= 3, steps
    assert "[RF:STAGE=COMPLETED]" in second.log


def start(attempt: Attempt, tools: Path, script: str, checkpoints: Path, **more: str) -> None:
    environment = {"HOME": str(attempt.run_dir), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", **more}
    path = attempt.spec(
        [str(tools), str(SCRIPTS / script)],
        env={**environment, "RUNFORGE_CHECKPOINT_DIR": str(checkpoints), "PATH": os.environ["PATH"]},
        grace_seconds=60.0,
        is_resumable=True,
    )
    attempt.start_spec(path)
