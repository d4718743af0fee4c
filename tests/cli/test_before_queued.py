"""What `submit` and `enqueue-run` import until their run is queued: a run waits for each of these modules. And later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import big
from runforge.cli import samples

pytestmark = pytest.mark.slow

_ALL = "blocks bytecode choices cli cli.fast_path cli.known cli.made_table cli.main cli.options cli.parameter"
_ALL += " cli.quick cli.words clock core core.daemon_row core.recipe core.records core.resources"
_ALL += " core.retrying core.states core.submission core.yielding digest documents documents.hyperparameters"
_ALL += " documents.placeholders documents.problems documents.request"
_ALL += " documents.request_options documents.strict_json errors failpoints files"
_ALL += (
    " files.durable files.permissions files.reading files.state_folder ids later light_json machine_faults"
)
_ALL += " named own_python paths queue queue.change queue.new_jobs queue.wakeup store store.daemon_holder"
_ALL += " store.failures store.filesystems store.foreground store.journal store.migrate store.opening"
_ALL += " store.queries store.records store.sqlite store.traces store.transaction store.transitions"
_ALL += " store.which_file store.writer_lock text training training.check workspace"
_ENQUEUE = "cli.enqueueing documents.edited_request documents.request_file queue.submit"
_SUBMIT = (
    "documents.secrets amounts cli.config cli.submit cli.submit_code cli.submit_command cli.submit_defaults"
)
_SUBMIT += " cli.submit_given cli.submit_order config documents.environment files.no_program"
_SUBMIT += " files.programs queue.environment queue.environment_words queue.ordering"
_SUBMIT += " queue.provenance queue.run_folders queue.sifted queue.submitting store.code sweeps"
_SUBMIT += " sweeps.run_overrides"
_IN_GIT = f"{_SUBMIT} machine machine.git machine.program_output queue.code_tree"
_LIBRARY = {
    "_socket",
    "select",
    "__future__",
    "gc",
    "errno",
    "fcntl",
    "_collections",
    "_json",
    "_operator",
    "_sha256",
    "_sha2",
}
_LIBRARY |= {"_sqlite3", "pysqlite3._sqlite3"}
#: Each takes as long as a quarter of a short command, or longer.
_SLOW = {"contextlib", "datetime", "enum", "json", "msgspec", "pathlib", "re", "shutil"}
_SLOW |= {"subprocess", "typing"}
_CODE = """
import os, sys
before = set(sys.modules)
import runforge.failpoints
ends = os._exit

def tell(point):
    if point == "command.committed":
        print(*sorted(set(sys.modules) - before), file=sys.stderr, flush=True)

def end(code):
    print(*sorted(set(sys.modules) - before), file=sys.stderr, flush=True)
    ends(code)

runforge.failpoints._observer = tell
os._exit = end
from runforge.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (["enqueue-run", "--run-id", "r"], _ENQUEUE),
        (["submit", "--", "true"], _SUBMIT),
        (["submit", "--", "true"], _IN_GIT),
    ],
    ids=["enqueue-run", "submit", "submit in a repository"],
)
def test_only_these_modules_are_imported(tmp_path: Path, words: list[str], more: str) -> None:
    here = big.make(tmp_path / "ws", 6, 1)
    if more == _IN_GIT:
        subprocess.run(["git", "init", "-q", here.root], check=True)
    (folder := here.run_dir("r")).mkdir(parents=True)
    model = {"family": "command", "command": ["true"]}
    (folder / "request.json").write_bytes(samples.encode({**samples.request(), "model": model}))
    run = subprocess.run(
        [sys.executable, "-c", _CODE, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=here.root,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "WANDB_API_KEY": "x", "HTTP_PROXY": "http://a"},
    )
    first, *_, last = run.stderr.splitlines()
    names = set(first.split())
    assert "runforge.store.transitions" in names
    allowed = {"runforge", *(f"runforge.{name}" for name in f"{_ALL} {more}".split())}
    assert names - allowed - _LIBRARY == set()
    if more != _IN_GIT:  # what is told, and the exports that no daemon writes, are not waited for long either
        assert set(last.split()) > names
        assert set(last.split()) & _SLOW == set()
