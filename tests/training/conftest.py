"""A workspace with a small dataset, and specs as the supervisor hands them to the worker."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts.spec import Spec
from runforge.training import worker
from tests.training.kit import REQUEST, Run, make_a_spec, table


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with data/train.csv."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text(table())
    return tmp_path


@pytest.fixture
def make_spec(workspace: Path) -> Callable[..., Spec]:
    """Return a factory of specs; each gets a run folder of its own."""
    made: list[Path] = []

    def make(changes: dict[str, Any] | None = None, **payload: Any) -> Spec:
        request = copy.deepcopy(REQUEST)
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            place = request
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
        run_dir = workspace / "runs" / str(len(made))
        run_dir.mkdir(parents=True)
        made.append(run_dir)
        return make_a_spec(workspace, run_dir, request, **payload)

    return make


@pytest.fixture
def execute(make_spec: Callable[..., Spec], capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Return a function that runs an attempt in this process and says what it left."""

    def run(changes: dict[str, Any] | None = None, **payload: Any) -> Run:
        spec = make_spec(changes, **payload)
        capsys.readouterr()
        code = worker.main(spec)
        printed = capsys.readouterr()
        return Run(code, spec.run_dir, printed.out + printed.err)

    return run
