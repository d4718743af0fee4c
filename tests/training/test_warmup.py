"""The warm-up leaves a process that can fork a run without importing anything more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from runforge.attempts.spec import Spec

_SCRIPT = """
import json, sys
from runforge.attempts.spec import from_json
from runforge.training import warmup, worker
before = set(sys.modules)
for spec in json.loads(sys.argv[1]):
    assert worker.main(from_json(spec.encode())) == 0
print("NEW", sorted(set(sys.modules) - before))
"""


def test_a_warm_run_imports_nothing(make_spec: Callable[..., Spec]) -> None:
    families = ("logistic_regression", "random_forest", "linear_svc")
    specs = json.dumps([make_spec({"model.family": family}).to_json().decode() for family in families])
    argv = [sys.executable, "-c", _SCRIPT, specs]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "NEW []"
    assert done.stderr == ""
