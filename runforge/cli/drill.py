"""The command that kills RunForge on purpose and checks the outcomes."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from runforge.cli import output
from runforge.errors import InvalidRequest
from runforge.text import did_you_mean

if TYPE_CHECKING:
    from runforge.drills.runner import Result

_COLOURS = {"held": "succeeded", "broken": "failed", "skipped": "canceled"}


def drill(only: list[str] | None, seed: int, keep: bool, list_only: bool, as_json: bool) -> int:
    """Play the drills and print their results; 1 if one is broken."""
    from runforge.drills import runner
    from runforge.drills.catalogue import DRILLS

    for name in only or []:
        if name not in DRILLS:
            fix = f"{did_you_mean(name, DRILLS)} `runforge drill --list` shows all".strip()
            raise InvalidRequest(f"no drill is called {name!r}", where="--only", fix=fix)
    chosen = [name for name in DRILLS if name in (only or DRILLS)]
    if list_only:
        output.table(["DRILL", "EXPECTED"], [[name, DRILLS[name].expected] for name in chosen])
        return 0
    progress = _Progress(len(chosen))
    results = runner.play(chosen, seed=seed, keep=keep, tell=progress.tell)
    counts = Counter(result.verdict for result in results)
    if as_json:
        drills = [asdict(result) for result in results]
        numbers = {verdict: counts[verdict] for verdict in _COLOURS}
        output.print_json("drill", {"seed": seed, **numbers, "drills": drills})
    else:
        _print(results, counts, seed)
    return int(counts["broken"] > 0)


class _Progress:
    """Prints a line on standard error when a drill ends."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def tell(self, result: Result) -> None:
        self._done += 1
        place = f"; kept in {result.folder}" if result.folder else ""
        output.note(f"{self._done}/{self._total} {result.name}: {result.verdict}, {_time(result)}{place}")


def _time(result: Result) -> str:
    return output.duration(result.seconds)


def _print(results: list[Result], counts: Counter[str], seed: int) -> None:
    rows = [
        [r.name, r.expected, r.seen if r.verdict == "held" else "see below", r.verdict, _time(r)]
        for r in results
    ]
    print()
    output.table(["DRILL", "EXPECTED", "SEEN", "VERDICT", "TIME"], rows, flexible=[2, 1])
    for result in results:
        if result.verdict != "held":
            verdict = output.coloured(result.verdict, _COLOURS[result.verdict])
            print(f"\n{result.name} {verdict}: {output.safe(result.seen)}")
            if result.verdict == "broken":
                print(f"  again: runforge drill --only {result.name} --seed {seed} --keep")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"\n{counts['held']} of {len(results)} held{skipped}; seed {seed}")
