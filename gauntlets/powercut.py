"""`python -m gauntlets powercut [--cuts 20] [--seed S] [--fs ext4 xfs btrfs] [--unsafe WAY] [--json FILE]`.

The workspace is on a file system in an image. A daemon runs short commands; two processes enqueue, cancel,
retry and reorder them. At a random moment everything is frozen, the image is copied, everything is killed,
and the copy is mounted as after a reboot. What was acknowledged must be in it, and nothing may have started
without a start marker. Then a daemon finishes the rest, sometimes with another cut during its recovery, and
the invariants are checked.

To prove that the syncs are needed, `--unsafe journal` and `--unsafe files` leave some out and must break.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gauntlets import powercut_unsafe
from gauntlets.powercut_disk import FILE_SYSTEMS, require_means
from gauntlets.powercut_life import Life, OnDisk
from runforge.drills.arena import arena
from runforge.drills.file_drills import Skipped
from runforge.drills.runner import listen

_CANNOT, _STOPPED = 3, 5
#: The fields of a report in the table.
_COLUMNS = {
    "cuts": "cuts",
    "runs": "acknowledged_runs",
    "commands": "acknowledged_commands",
    "entries": "acknowledged_entries",
    "starts": "witnessed_starts",
}


class Series:
    """The cuts on one file system, and their report."""

    def __init__(self, kind: str, given: argparse.Namespace) -> None:
        self._kind = kind
        self._given = given
        self._start = time.monotonic()
        self._sums: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._commands: Counter[str] = Counter()
        self.broken: list[str] = []

    def play(self, tell: Callable[[str], None]) -> dict[str, Any]:
        """Cut the given number of times; return the report."""
        while (done := self._sums["cuts"]) < self._given.cuts:
            name = f"{self._given.seed} {self._kind} {self._sums['lives']}"
            broken = self._live(name, self._given.cuts - done)
            self.broken += [f"{name}: {text}" for text in broken]
            tell(f"{self._kind}: {self._sums['cuts']} of {self._given.cuts} cuts, {len(self.broken)} broken")
        return {
            **self._sums,
            "commands": dict(self._commands),
            "attempts": dict(self._causes),
            "seconds": round(time.monotonic() - self._start, 1),
            "broken": self.broken,
        }

    def _live(self, name: str, most: int) -> list[str]:
        given = self._given
        with arena(partial(OnDisk, kind=self._kind), prefix="powercut-") as here:
            if given.unsafe:
                weak = powercut_unsafe.environment(given.unsafe, here.root.parent / "unsafe")
                here.environment.update(weak)
            image = here.root.with_name("kept.img") if given.keep else None
            life = Life(here, name, most, image)
            life.play()
            if life.broken and image is not None and image.exists():
                given.keep.mkdir(parents=True, exist_ok=True)
                image.replace(given.keep / f"{name.replace(' ', '-')}.img")
            books = life.books
            self._sums.update(
                lives=1,
                cuts=life.cuts,
                cuts_while_recovering=max(0, life.cuts - 1),
                acknowledged_runs=len(books.runs),
                acknowledged_commands=books.commands.total(),
                acknowledged_entries=len(books.seen),
                witnessed_starts=life.starts,
            )
            self._causes += life.causes
            self._commands += books.commands
        return life.broken


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of cuts; give 1 or more")
    return int(text)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gauntlets powercut")
    parser.add_argument(
        "--cuts", type=_count, default=20, help="how often the power of each file system is cut"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments and of the load")
    parser.add_argument("--fs", nargs="+", choices=[*FILE_SYSTEMS], default=["ext4"], help="file systems")
    ways = "; ".join(f"{name}: {text}" for name, text in powercut_unsafe.WAYS.items())
    parser.add_argument("--unsafe", choices=[*powercut_unsafe.WAYS], help=f"leave syncs out ({ways})")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the image of a life that broke there"
    )
    parser.add_argument("--json", type=Path, default=Path("powercut-report.json"), help="the report's file")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Cut and report; 0 if nothing was broken, 3 if this machine cannot do it, 5 if it was stopped."""
    given = _arguments(words)
    listen()
    try:
        require_means()
        series = [_series(kind, given) for kind in dict.fromkeys(given.fs)]
    except Skipped as reason:
        series = [{"file_system": kind, "skipped": str(reason)} for kind in dict.fromkeys(given.fs)]
    except KeyboardInterrupt:
        print("stopped; nothing is left of it", file=sys.stderr)
        return _STOPPED
    return _report(given, series)


def _series(kind: str, given: argparse.Namespace) -> dict[str, Any]:
    try:
        report = Series(kind, given).play(lambda text: print(text, file=sys.stderr, flush=True))
    except Skipped as reason:
        return {"file_system": kind, "skipped": str(reason)}
    return {"file_system": kind, **report}


def _report(given: argparse.Namespace, series: list[dict[str, Any]]) -> int:
    played = [report for report in series if "skipped" not in report]
    broken = [text for report in played for text in report["broken"]]
    document = {
        "version": 1,
        "kind": "powercut_report",
        "seed": given.seed,
        "unsafe": given.unsafe,
        "passed": bool(played) and not broken,
        "file_systems": series,
    }
    given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if played:
        print(f"{'':7}" + "".join(f"{title:>10}" for title in _COLUMNS) + f"{'broken':>10}{'time':>9}")
    for report in played:
        numbers = "".join(f"{report[name]:10}" for name in _COLUMNS.values())
        print(f"{report['file_system']:7}{numbers}{len(report['broken']):10}{report['seconds']:8.0f}s")
    for text in broken[:20]:
        print(f"broken: {text}")
    for report in series:
        if "skipped" in report:
            print(f"{report['file_system']}: skipped, {report['skipped']}", file=sys.stderr)
    if not played:
        return _CANNOT
    print(f"the report is in {given.json}")
    return int(bool(broken))
