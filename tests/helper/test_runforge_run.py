"""The helper that scripts import: in a run, outside of one, with an old Python, and when something is wrong."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runforge.helper import runforge_run
from runforge.metrics.run_curves import read_curves
from runforge.supervise import helper_path

SOURCE = Path(runforge_run.__file__)


def script(code: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script that imports the helper; with a folder it is an attempt of a run there."""
    known: Mapping[str, str] = {k: v for k, v in os.environ.items() if not k.startswith("RUNFORGE_")}
    if folder is not None:
        (folder / "attempt").mkdir(exist_ok=True)
        parameters = folder / "attempt" / "params.json"
        parameters.write_text('{"lr": 0.1}')
        variables = {
            "RUNFORGE_RUN_DIR": str(folder),
            "RUNFORGE_PARAMS": str(parameters),
            "RUNFORGE_ATTEMPT": "1",
            **variables,
        }
    return subprocess.run(
        [sys.executable, "-c", f"import runforge_run as run\n{code}"],
        env=helper_path.added({**known, **variables}),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_run_logs_metrics(tmp_path: Path) -> None:
    code = """
for i in range(3):
    run.log(step=i, loss=1 / (i + 1))
run.log({"val/acc": 0.5}, step=2.5)
run.log(epoch=3, bad=float("nan"), worse=float("-inf"))
run.log({"name": 1, "value": 2})
"""
    done = script(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    curves = read_curves(tmp_path)
    assert curves["loss"].steps == [0, 1, 2]
    assert curves["val/acc"].steps == [2.5]
    assert (curves["bad"].steps, str(curves["bad"].values)) == ([3], "[nan]")
    assert list(curves) == ["loss", "val/acc", "bad", "worse", "name", "value"]
    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)


def test_outside_of_a_run_nothing_happens(tmp_path: Path) -> None:
    code = f"""
import os
os.chdir({str(tmp_path)!r})
run.log(step=1, loss=0.5)
run.leave()
run.finished()
print(run.params, run.checkpoint_dir, run.resuming, run.attempt, run.should_stop(), os.listdir())
"""
    assert script(code).stdout == "{} None False 0 False []\n"


def test_what_a_run_knows(tmp_path: Path) -> None:
    code = "print(run.params['lr'], run.checkpoint_dir, run.resuming, run.attempt)"
    assert script(code, tmp_path).stdout == f"0.1 {tmp_path}/checkpoints False 1\n"
    assert script(code, tmp_path, RUNFORGE_ATTEMPT="2").stdout.endswith(" False 2\n")
    (tmp_path / "checkpoints" / "last.pt").touch()
    assert script(code, tmp_path, RUNFORGE_ATTEMPT="2").stdout.endswith(" True 2\n")
    elsewhere = script(code, tmp_path, RUNFORGE_CHECKPOINT_DIR=f"{tmp_path}/c", RUNFORGE_RESUME="1")
    assert elsewhere.stdout == f"0.1 {tmp_path}/c True 1\n"
    assert script("run.nothing", tmp_path).stderr.endswith("has no attribute 'nothing'\n")


def test_a_wrong_value_or_a_full_disk_does_not_end_a_training(tmp_path: Path) -> None:
    done = script("run.log(loss=None)\nrun.log(loss='x', acc='0.5')\nprint('on')", tmp_path)
    assert (done.stdout, done.stderr) == ("on\n", "runforge_run: loss is not a number: 'NoneType'\n")
    assert list(read_curves(tmp_path)) == ["acc"]
    done = script("run.log(loss=1)\nprint('on')", tmp_path, RUNFORGE_RUN_DIR=f"{tmp_path}/gone")
    assert done.stdout == "on\n"
    assert done.stderr.startswith("runforge_run: metrics could not be written: ")


def test_of_a_distributed_training_one_process_logs(tmp_path: Path) -> None:
    script("run.log(loss=1)", tmp_path, RANK="1")
    assert not (tmp_path / "metrics.jsonl").exists()
    script("run.log(loss=1)", tmp_path, RANK="0")
    assert (tmp_path / "metrics.jsonl").exists()


def test_a_canceled_run_saves_and_leaves(tmp_path: Path) -> None:
    code = """
import os, signal, time
print(run.should_stop())
os.kill(os.getpid(), signal.SIGTERM)
while not run.should_stop():
    time.sleep(0.01)
print("saved")
run.leave()
"""
    done = script(code, tmp_path)
    assert (done.returncode, done.stdout) == (85, "False\nsaved\n")
    (tmp_path / "attempt" / "cancel").touch()
    assert script("print(run.should_stop())", tmp_path).stdout == "True\n"


def test_a_script_that_handles_the_signal_keeps_its_handler(tmp_path: Path) -> None:
    code = """
import signal, os
signal.signal(signal.SIGTERM, lambda *_: print("mine"))
run.should_stop()
os.kill(os.getpid(), signal.SIGTERM)
"""
    assert script(code, tmp_path).stdout == "mine\n"


def test_children_end_as_before(tmp_path: Path) -> None:
    code = """
import os, signal, time
run.should_stop()
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(20)
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    assert script(code, tmp_path).stdout == f"{int(signal.SIGTERM)}\n"


def test_a_run_says_that_it_is_finished(tmp_path: Path) -> None:
    script("run.finished()", tmp_path)
    assert (tmp_path / "attempt" / "finished").exists()


@pytest.mark.parametrize("way", ["finished", "leave"])
@pytest.mark.parametrize("is_watching", [True, False])
def test_a_late_signal_does_not_change_how_a_run_ends(tmp_path: Path, way: str, is_watching: bool) -> None:
    """The order was seen in its file; the signal comes when Python ends and calls no handler any more."""
    code = f"""
import os, subprocess, sys
if {is_watching}:
    run.should_stop()
class Last:
    def __del__(self):  # the names of a module go when handlers are gone
        self.kill(self.pid, self.number)
last = Last()
import signal
last.kill, last.pid, last.number = os.kill, os.getpid(), signal.SIGTERM
sys.last = last
del last
run.{way}()
"""
    done = script(code, tmp_path)
    assert (done.returncode, done.stderr) == ({"finished": 0, "leave": 85}[way], "")


def test_a_script_that_handles_the_signal_keeps_its_handler_to_the_end(tmp_path: Path) -> None:
    code = """
import signal, os
signal.signal(signal.SIGTERM, lambda *_: print("mine"))
run.finished()
os.kill(os.getpid(), signal.SIGTERM)
"""
    assert script(code, tmp_path).stdout == "mine\n"


def test_it_is_valid_python_3_7_and_needs_the_standard_library_alone() -> None:
    tree = ast.parse(SOURCE.read_text("utf-8"), feature_version=(3, 7))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= set(sys.stdlib_module_names)


def test_its_folder_comes_last_and_hides_nothing() -> None:
    folder = str(helper_path.FOLDER)
    assert helper_path.added({})["PYTHONPATH"] == folder
    assert helper_path.added({"PYTHONPATH": "/a:/b"})["PYTHONPATH"] == f"/a:/b:{folder}"
    again = helper_path.added({"PYTHONPATH": f"{folder}:/a"})
    assert again["PYTHONPATH"] == f"{folder}:/a"
    assert [path.name for path in helper_path.FOLDER.glob("*.py")].count("runforge_run.py") == 1
