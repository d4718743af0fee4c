"""A workspace with a history: runs that succeeded and one that failed, with names from outside."""

from __future__ import annotations

import sys

import pytest

from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.direct.sweep import run_sweep
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace

HOSTILE = "x\x1b]52;c;UFdORUQ=\x07日本語" + "y" * 80
_CODE = "import sys; print('[RF:METRIC=loss', sys.argv[1] + ']'); sys.exit(int(sys.argv[2]))"


def plan_of(ws: Workspace, runs: list[dict[str, object]]) -> bytes:
    model = {
        "family": "command",
        "command": [sys.executable, "-c", _CODE, "{loss}", "{code}"],
        "hyperparameters": {"loss": 1.0, "code": 0, "name": ""},
    }
    strategy = {
        "type": "list",
        "runs": [{f"model.hyperparameters.{k}": v for k, v in run.items()} for run in runs],
    }
    plan = samples.plan(str(ws.root))
    return samples.encode(
        {**plan, "base_request": {**samples.request(), "model": model}, "strategy": strategy}
    )


@pytest.fixture(scope="package")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which a sweep has ended: two runs succeeded, one failed. For reading only."""
    ws = make_workspace(tmp_path_factory.mktemp("cli") / "ws")
    runs: list[dict[str, object]] = [{"loss": 0.5, "name": HOSTILE}, {"loss": 0.25}, {"code": 3}]
    assert run_sweep(ws, plan_of(ws, runs), where="plan.json") == 1
    return ws


@pytest.fixture
def waiting(ws: Workspace) -> Workspace:
    """A workspace with a waiting sweep and without a daemon."""
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    return ws


def group_of(ws: Workspace) -> str:
    return lists.groups(ws)[0].group_id
