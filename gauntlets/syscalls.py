"""`python -m gauntlets syscalls [--most N] [--only CALL:FILE[:ERROR]]... [--side-by-side N] [--json FILE]`.

First it records which system calls daemon, zygote and supervisor make on which kinds of file. Then each call
fails for a while on each of these kinds of file, with each possible error, in a new workspace with seven
runs. No outcome may be wrong. Nothing may run twice or count against a job.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from gauntlets.syscalls_checks import broken
from gauntlets.syscalls_life import PHASES, Life
from gauntlets.syscalls_shim import ERRORS, Case, Pair, build, pairs
from runforge.drills.arena import Unmet, arena
from runforge.drills.file_drills import Skipped
from runforge.drills.runner import listen
from runforge.errors import RunForgeError
from runforge.files.permissions import become_private

_CANNOT, _STOPPED = 3, 5
_FAILURES = (Unmet, RunForgeError, OSError, ValueError, LookupError, subprocess.SubprocessError)
HELD, BROKEN, UNMET = "held", "broken", "not met"


class Gauntlet:
    """The gauntlet: the shim, and the lives that use it."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self.stopped = Event()

    def record(self) -> list[Pair]:
        """Live without a fault; return what was called. Unmet if something is wrong without one."""
        found = []
        for phase in PHASES:
            with self._arena(None, phase) as here:
                here.play()
                if wrong := broken(here):
                    raise Unmet(f"without a fault: {'; '.join(wrong)}")
                found += pairs(phase, here.shim.noted())
        return found

    def try_case(self, case: Case) -> dict[str, Any]:
        """Live with a fault; return the report."""
        start = time.monotonic()
        with self._arena(case, case.phase) as here:
            try:
                here.play()
                wrong = broken(here)
            except _FAILURES as error:
                wrong = [str(error) if isinstance(error, Unmet) else repr(error)]
            hits = here.shim.hits()
            said = [line for d in here.daemons for line in here.said(d).splitlines() if "[RF:" not in line]
            return {
                "case": case.name,
                "verdict": BROKEN if wrong else HELD if hits else UNMET,
                "broken": wrong,
                "failed_calls": dict(hits),
                "daemon_exit_code": here.exit_code,
                "runs": here.summary(),
                "told": said[:20],
                "seconds": round(time.monotonic() - start, 1),
            }

    def _arena(self, case: Case | None, phase: str) -> Any:
        kind = partial(Life, library=self._library, case=case, phase=phase, stopped=self.stopped)
        return arena(kind, prefix="syscalls-")


def _cases(word: str) -> list[Case]:
    """Return the cases for a value of --only: [phase:]call:file[:error]."""
    parts = word.split(":")
    phases = [parts.pop(0)] if parts[0] in PHASES else PHASES
    if len(parts) not in {2, 3} or parts[0] not in ERRORS:
        raise argparse.ArgumentTypeError(
            f"{word} is not [phase:]call:file[:error]; calls: {', '.join(ERRORS)}"
        )
    call, file, *errors = parts
    if errors and errors[0] not in ERRORS[call]:
        raise argparse.ArgumentTypeError(f"{call} gives {', '.join(ERRORS[call])}, not {errors[0]}")
    return [Case(phase, call, file, error) for phase in phases for error in errors or ERRORS[call]]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a valid number; give 1 or more")
    return int(text)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gauntlets syscalls")
    parser.add_argument("--most", type=_count, help="play this many of the cases, evenly chosen")
    parser.add_argument(
        "--only", type=_cases, action="append", metavar="CASE", help="[live:|takeover:]call:file[:error]"
    )
    parser.add_argument("--side-by-side", type=_count, default=2, help="how many cases are played at once")
    parser.add_argument("--list", action="store_true", help="record, and say which cases there are")
    parser.add_argument("--json", type=Path, default=Path("syscalls-report.json"), help="the report's file")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Play and report; 0 if all held, 3 if this machine cannot do it, 5 if it was stopped."""
    given = _arguments(words)
    listen()
    become_private()
    with tempfile.TemporaryDirectory(prefix="syscalls-shim-") as folder:
        try:
            gauntlet = Gauntlet(build(Path(folder)))
        except Skipped as reason:
            print(f"syscalls: skipped, {reason}", file=sys.stderr)
            return _CANNOT
        try:
            return _play(gauntlet, given)
        except KeyboardInterrupt:
            print("stopped; nothing is left of it", file=sys.stderr)
            return _STOPPED


def _play(gauntlet: Gauntlet, given: argparse.Namespace) -> int:
    seen: list[Pair] = []
    if given.only:
        cases = [case for some in given.only for case in some]
    else:
        seen = gauntlet.record()
        cases = _evenly([case for pair in seen for case in pair.cases], given.most)
    if given.list:
        print("\n".join(case.name for case in cases))
        return 0
    start = time.monotonic()
    print(f"{'phase':10}{'call':12}{'file':40}{'cases':>6}{'met':>6}{'broken':>8}{'time':>9}", flush=True)
    reports = list(_reports(gauntlet, cases, given.side_by_side))
    return _report(given, seen, reports, time.monotonic() - start)


def _evenly(cases: list[Case], most: int | None) -> list[Case]:
    """Return at most this many cases, spread over all of them."""
    if most is None or most >= len(cases):
        return cases
    return [cases[number * len(cases) // most] for number in range(most)]


def _reports(gauntlet: Gauntlet, cases: Sequence[Case], at_once: int) -> Iterator[dict[str, Any]]:
    """Play the cases; print a line for each call and file, and what broke under it."""
    pool = ThreadPoolExecutor(at_once)
    try:
        futures = [(case, pool.submit(gauntlet.try_case, case)) for case in cases]
        for (phase, call, file), some in itertools.groupby(futures, key=lambda one: one[0][:3]):
            start, done = time.monotonic(), []
            for _, future in some:
                done.append(future.result())
                yield done[-1]
            _print_row(f"{phase:10}{call:12}{file:40}", done, time.monotonic() - start)
    finally:
        gauntlet.stopped.set()  # nothing new is begun where this was left early
        pool.shutdown(cancel_futures=True)


def _print_row(title: str, done: Sequence[dict[str, Any]], seconds: float) -> None:
    met = sum(bool(report["failed_calls"]) for report in done)
    wrong = [report for report in done if report["broken"]]
    print(f"{title}{len(done):6}{met:6}{len(wrong):8}{seconds:8.1f}s", flush=True)
    for report in wrong:
        error = report["case"].rpartition(":")[2]
        for text in report["broken"][:4]:
            print(f"    {error}: {text}", flush=True)


def _report(
    given: argparse.Namespace, seen: Sequence[Pair], reports: Sequence[dict[str, Any]], seconds: float
) -> int:
    wrong = [report for report in reports if report["broken"]]
    unmet = [report for report in reports if report["verdict"] == UNMET]
    passed = bool(reports) and not wrong and not (given.only and unmet)
    document = {
        "version": 1,
        "kind": "syscalls_report",
        "passed": passed,
        "cases": len(reports),
        "broken": len(wrong),
        "not_met": [report["case"] for report in unmet],
        "seconds": round(seconds, 1),
        "seen": [pair._asdict() for pair in seen],
        "reports": list(reports),
    }
    given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(
        f"{len(reports)} cases in {seconds:.0f} s, {len(wrong)} broken, {len(unmet)} not met; see {given.json}"
    )
    return int(not passed)
