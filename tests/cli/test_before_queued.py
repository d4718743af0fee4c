"""What `submit` and `enqueue-run` import until their run is queued: a run waits for each of these modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import big
from runforge.cli import samples

pytestmark = pytest.mark.slow

_ALL = "blocks choices clock digest errors failpoints ids later light_json machine_faults named own_python paths text"
_ALL += " workspace cli cli.fast_path cli.known cli.made_table cli.main cli.options cli.parameter cli.quick cli.words"
_ALL += " core core.daemon_row core.dependencies core.outcome core.recipe core.records core.resources core.retrying"
_ALL += (
    " core.states core.submission core.yielding documents documents.hyperparameters documents.known_fields"
)
_ALL += (
    " documents.placeholders documents.problems documents.request documents.request_options documents.secrets"
)
_ALL += " documents.strict_json files files.durable files.given files.permissions files.reading files.state_folder"
_ALL += " queue queue.change queue.new_jobs queue.run_folders queue.wakeup store store.daemon_holder store.failures"
_ALL += " store.filesystems store.foreground store.journal store.migrate store.opening store.queries store.records"
_ALL += " store.recovery store.recovery.swap store.sqlite store.traces store.transaction store.transitions"
_ALL += " store.which_file store.writer_lock sweeps sweeps.run_overrides training training.check"
_ENQUEUE = "cells cli.enqueueing cli.output cli.width documents.edited_request documents.request_file metrics"
_ENQUEUE += " metrics.tokens queue.submit"
_SUBMIT = (
    "amounts cli.config cli.submit cli.submit_code cli.submit_command cli.submit_defaults cli.submit_given"
)
_SUBMIT += (
    " cli.submit_order cli.submit_sweep config documents.environment files.no_program files.programs machine"
)
_SUBMIT += (
    " machine.git queue.environment queue.environment_words queue.ordering queue.provenance queue.sifted"
)
_SUBMIT += " queue.submitting store.code"
_LIBRARY = {"__future__", "gc", "errno", "fcntl", "_collections", "_json", "_operator", "_sha256", "_sha2"}
_LIBRARY |= {"_sqlite3", "pysqlite3._sqlite3"}
_CODE = """
import os, sys
before = set(sys.modules)
import runforge.failpoints

def tell(point):
    if point == "command.committed":
        print(*sorted(set(sys.modules) - before), file=sys.stderr, flush=True)

runforge.failpoints._observer = tell
from runforge.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("words", "more"), [(["enqueue-run", "--run-id", "r"], _ENQUEUE), (["submit", "--", "true"], _SUBMIT)]
)
def test_only_these_modules_are_imported(tmp_path: Path, words: list[str], more: str) -> None:
    here = big.make(tmp_path / "ws", 6, 1)
    (folder := here.run_dir("r")).mkdir(parents=True)
    model = {"family": "command", "command": ["true"]}
    (folder / "request.json").write_bytes(samples.encode({**samples.request(), "model": model}))
    run = subprocess.run(
        [sys.executable, "-c", _CODE, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=here.root,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "WANDB_API_KEY": "x"},
    )
    names = set(run.stderr.splitlines()[0].split())
    assert "runforge.store.transitions" in names
    allowed = {"runforge", *(f"runforge.{name}" for name in f"{_ALL} {more}".split())}
    assert names - allowed - _LIBRARY == set()
