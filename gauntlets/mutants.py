"""`python -m gauntlets mutants [--only NAME]... [--at-once N] [--json FILE]`: deliberate breaks, to be seen by tests.

Each mutant of the list is a deliberate break. It is made in a copy of the program, and the tests named beside it
run there: one of them must fail. Before that they must all pass in a copy without any break. A break whose old text
has gone from the program is an error too, so that the list cannot rot.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from gauntlets import (
    mutants_daemon,
    mutants_edit,
    mutants_gpus,
    mutants_kept,
    mutants_queue,
    mutants_runs,
    mutants_store,
    mutants_sweeps,
    mutants_waiting,
)
from gauntlets.mutant import ROOT, Mutant
from runforge.drills.traces import processes_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_store.MUTANTS,
    *mutants_waiting.MUTANTS,
    *mutants_runs.MUTANTS,
    *mutants_kept.MUTANTS,
    *mutants_daemon.MUTANTS,
    *mutants_queue.MUTANTS,
    *mutants_sweeps.MUTANTS,
    *mutants_edit.MUTANTS,
    *mutants_gpus.MUTANTS,
)
_COPIED = ("runforge", "runforge_cli.py", "tests", "gauntlets", "bench", "pyproject.toml")
#: A hanging test does not count as a failing one.
_SECONDS = 240.0
#: What pytest returns when all tests passed, and when some failed. All else says nothing about the break.
_PASSED, _FAILED = 0, 1
_LAST_LINES = 30


class Outcome(NamedTuple):
    """What came of one mutant."""

    mutant: Mutant
    #: caught, SURVIVED, or UNCLEAR where the tests could not be run to their end.
    verdict: str
    seconds: float
    said: str


class Copy:
    """A copy of the program with an interpreter of its own, which everything in it starts as well."""

    def __init__(self, folder: Path, origin: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.tree.mkdir(parents=True)
        for name in _COPIED:
            if (origin / name).is_dir():
                shutil.copytree(origin / name, self.tree / name)
            else:
                shutil.copy2(origin / name, self.tree / name)
        venv.EnvBuilder(symlinks=True).create(folder / "python")
        (packages,) = (folder / "python").glob("lib/python*/site-packages")
        # First the copy, then what is installed beside the original; an editable original comes last.
        others = f"import site; list(map(site.addsitedir, {site.getsitepackages()!r}))"
        (packages / "copy.pth").write_text(f"{self.tree}\n{others}\n", encoding="utf-8")

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "python" / "bin" / "python")

    def break_by(self, mutant: Mutant) -> None:
        """Make a break in it."""
        file = self.tree / mutant.file
        file.write_text(mutant.broken(file.read_text("utf-8")), encoding="utf-8")

    def test(self, tests: Iterable[str], *options: str) -> tuple[int | None, str]:
        """Run tests; return pytest's exit code, None if they did not end, and what it said."""
        temporary = self.folder / "tmp"
        temporary.mkdir()
        words = ["-q", "-p", "no:cacheprovider", "--basetemp", str(temporary / "pytest"), *options, *tests]
        # A file, not a pipe: what a broken program leaves behind would hold that open.
        said = self.folder / "said.txt"
        with said.open("wb") as output:
            started = subprocess.Popen(
                [self.python, "-m", "pytest", *words],
                cwd=self.tree,
                env={**os.environ, "TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            code = started.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
            code = None
        for pid in processes_of(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(temporary, ignore_errors=True)
        return code, said.read_text("utf-8", errors="replace")


def try_one(mutant: Mutant, folder: Path, origin: Path = ROOT) -> Outcome:
    """Make the break in a copy of the program and run its tests there."""
    start = time.monotonic()
    copy = Copy(folder / mutant.name, origin)
    copy.break_by(mutant)
    code, said = copy.test(mutant.tests, "-x")
    shutil.rmtree(copy.folder, ignore_errors=True)
    verdict = {_PASSED: "SURVIVED", _FAILED: "caught"}.get(-1 if code is None else code, "UNCLEAR")
    return Outcome(mutant, verdict, time.monotonic() - start, said)


def _tell(outcome: Outcome) -> None:
    mutant = outcome.mutant
    print(f"{mutant.name:32}{outcome.verdict:10}{outcome.seconds:6.1f}s  {mutant.why}", flush=True)
    if outcome.verdict == "UNCLEAR":
        print(f"its tests could not be run, or took more than {_SECONDS:.0f} s:")
        print("\n".join(outcome.said.splitlines()[-_LAST_LINES:]), flush=True)


def _play(chosen: Sequence[Mutant], at_once: int, folder: Path) -> list[Outcome] | None:
    """Try the mutants; None where their tests fail without any break."""
    whole = Copy(folder / "whole", ROOT)
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    code, said = whole.test(tests, "-n", str(at_once))
    if code != _PASSED:
        print(said)
        print("ERROR: the tests fail without any break", file=sys.stderr)
        return None
    print(f"{len(tests)} tests pass without a break\n{'mutant':32}{'verdict':10}{'time':>7}  what it costs")
    outcomes = []
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for outcome in pool.map(lambda mutant: try_one(mutant, folder, whole.tree), chosen):
                _tell(outcome)
                outcomes.append(outcome)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)  # else every other one would be tried first
            raise
    return outcomes


def _report(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    entries = [
        {
            "name": outcome.mutant.name,
            "file": outcome.mutant.file,
            "verdict": outcome.verdict,
            "seconds": round(outcome.seconds, 1),
            "why": outcome.mutant.why,
            "tests": outcome.mutant.tests,
        }
        for outcome in outcomes
    ]
    caught = sum(outcome.verdict == "caught" for outcome in outcomes)
    return {
        "version": 1,
        "kind": "mutants_report",
        "passed": caught == len(outcomes),
        "caught": caught,
        "seconds": round(seconds, 1),
        "mutants": entries,
    }


def main(words: list[str]) -> int:
    """Try the mutants; 0 if the tests caught every one."""
    names = [mutant.name for mutant in MUTANTS]
    parser = argparse.ArgumentParser(prog="python -m gauntlets mutants")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="this one; repeatable")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="how many are tried side by side")
    parser.add_argument("--json", type=Path, default=Path("mutants-report.json"), help="the report's file")
    given = parser.parse_args(words)
    chosen = [mutant for mutant in MUTANTS if given.only is None or mutant.name in given.only]
    rotten = [problem for mutant in chosen for problem in mutant.problems()]
    if rotten:
        print("\n".join(f"ERROR: {problem}" for problem in rotten), file=sys.stderr)
        return 1
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        outcomes = _play(chosen, max(1, given.at_once), Path(folder))
    if outcomes is None:
        return 1
    report = _report(outcomes, time.monotonic() - begin)
    given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(
        f"{report['caught']} of {len(outcomes)} caught in {report['seconds']:.0f} s; report in {given.json}"
    )
    return int(not report["passed"])
