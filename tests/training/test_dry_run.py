"""A dry run checks everything, trains nothing, and keeps its slot for the given time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from runforge.attempts.spec import Spec
from tests.training.kit import Run

_SCRIPT = """
import sys
from runforge.attempts.spec import from_json
from runforge.training import worker
code = worker.main(from_json(sys.argv[1].encode()))
assert not {"sklearn", "numpy"} & set(sys.modules)
sys.exit(code)
"""


def start(spec: Spec) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", _SCRIPT, spec.to_json().decode()]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_it_walks_through_every_stage_and_touches_no_model(make_spec: Callable[..., Spec]) -> None:
    spec = make_spec(dry_run_seconds=0.0)
    with start(spec) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [line for line in output.splitlines() if line.startswith("[RF:STAGE")] == [
        f"[RF:STAGE={name}]"
        for name in (
            "STARTING",
            "LOADING_DATASET",
            "TRAINING",
            "EVALUATING",
            "WRITING_ARTIFACTS",
            "COMPLETED",
        )
    ]
    assert "\n[DRY-RUN" in output
    result = json.loads((spec.run_dir / "result.json").read_text())
    assert (result["status"], result["summary"], result["artifacts"]) == ("succeeded", None, [])


def test_it_is_the_same_every_time(execute: Callable[..., Run]) -> None:
    assert execute(dry_run_seconds=0.0).log == execute(dry_run_seconds=0.0).log


def test_it_holds_its_slot(execute: Callable[..., Run]) -> None:
    start_at = time.monotonic()
    execute(dry_run_seconds=0.3)
    assert time.monotonic() - start_at >= 0.3


def test_a_termination_ends_it_at_once(make_spec: Callable[..., Spec]) -> None:
    with start(make_spec(dry_run_seconds=600.0)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "[RF:STAGE=TRAINING]\n":
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset.label_column": "lable"}, "is not one of the 4 columns"),
        ({"dataset.path": "data/none.csv"}, "dataset not found"),
        ({"dataset.path": "../x.csv"}, "leaves the workspace"),
        ({"preset": "quick"}, "preset"),
    ],
)
def test_it_refuses_what_a_training_would(
    execute: Callable[..., Run], changes: dict[str, Any], words: str
) -> None:
    run = execute(changes, dry_run_seconds=0.0)
    assert run.code == 1
    assert words in run.result["error"]["message"]


def test_a_command_can_be_tried_without_a_dataset(execute: Callable[..., Run]) -> None:
    run = execute(
        {"model": {"family": "command", "command": ["false"]}, "dataset": None}, dry_run_seconds=0.0
    )
    assert run.code == 0, run.log
    assert run.result["effective_config"]["model"]["command"] == ["false"]
