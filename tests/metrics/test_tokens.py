"""The tokens are the contract's, letter by letter."""

from __future__ import annotations

import pytest

from runforge.metrics import tokens


def test_tokens_are_the_contracts() -> None:
    found = [
        tokens.stage("WRITING_ARTIFACTS"),
        tokens.epoch(3, 10),
        tokens.device("gpu"),
        tokens.device("cpu"),
        tokens.device("cpu", "no_gpu_detected"),
        tokens.group_enqueued("g", 2),
        tokens.group_paused("g"),
        tokens.group_resumed("g"),
        tokens.group_start("g", 2),
        tokens.group_run("r", 1, 2),
        tokens.group_run_done("r", "failed"),
        tokens.group_complete("g", 1, 2, 3),
        tokens.group_canceled("g"),
        tokens.daemon_started(7, 2, 1),
        tokens.daemon_stopped(7),
        tokens.job_started("j", "r", gpu=False),
        tokens.job_started("j", "r", gpu=True),
        tokens.job_done("j", "r", "succeeded"),
    ]
    assert found == [
        "[RF:STAGE=WRITING_ARTIFACTS]",
        "[RF:EPOCH=3/10]",
        "[RF:DEVICE=GPU]",
        "[RF:DEVICE=CPU]",
        "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]",
        "[RF:GROUP=ENQUEUED g runs=2]",
        "[RF:GROUP=PAUSED g]",
        "[RF:GROUP=RESUMED g]",
        "[RF:GROUP=START g runs=2]",
        "[RF:GROUP=RUN r 1/2]",
        "[RF:GROUP=RUN_DONE r status=failed]",
        "[RF:GROUP=COMPLETE g succeeded=1 failed=2 canceled=3]",
        "[RF:GROUP=CANCELED g]",
        "[RF:DAEMON=STARTED pid=7 max_parallel=2 gpu_slots=1]",
        "[RF:DAEMON=STOPPED pid=7]",
        "[RF:QUEUE=JOB_STARTED j run_id=r]",
        "[RF:QUEUE=JOB_STARTED j run_id=r gpu=true]",
        "[RF:QUEUE=JOB_DONE j run_id=r status=succeeded]",
    ]


def test_an_unknown_stage_is_a_fault() -> None:
    with pytest.raises(ValueError, match="DONE"):
        tokens.stage("DONE")
