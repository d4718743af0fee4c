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


_LEFT = """
import json, sys
from runforge.attempts.spec import from_json
from runforge.supervise.kept import Kept
from runforge.training import global_state, prepared, warmup, worker
prepared._FRESH_NS = 0
kept = Kept.made("runforge.training.worker:main", "runforge.training.global_state")
kept.objects.begin()
called = set()
def note(frame, event, _):
    if event == "call":
        called.add(frame.f_globals.get("__name__", ""))
for spec in json.loads(sys.argv[1]):
    sys.setprofile(note)
    code = worker.main(from_json(spec.encode()))
    sys.setprofile(None)
    assert code == 0
    assert kept.objects.are_the_same(), spec
    assert kept.libraries() == kept.libraries()
looked_at = {names["__name__"] for names in (*kept.objects._dicts, *kept.objects._forked) if "__name__" in names}
print("UNSEEN", sorted(name for name in called - looked_at if not name.startswith("namedtuple_")))
"""


def test_a_run_leaves_the_process_as_it_was_and_executes_only_code_that_is_looked_at(
    make_spec: Callable[..., Spec],
) -> None:
    """Otherwise no worker could be kept, or a change in what a run executes would not be seen."""
    families = ("logistic_regression", "random_forest", "linear_svc", "logistic_regression")
    specs = json.dumps([make_spec({"model.family": family}).to_json().decode() for family in families])
    argv = [sys.executable, "-c", _LEFT, specs]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "UNSEEN ['runforge.failpoints']"
