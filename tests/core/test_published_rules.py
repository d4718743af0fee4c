"""`asha` and `median` against references that were written from the papers, on hundreds of random sweeps.

ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning" (2018). Algorithm 2 looks for runs in the best
1/eta of a rung and trains only those on; here, as in its variant that stops, a run goes on until it comes to a rung and
is not in the best 1/eta of those that have come so far. Median: Golovin et al., "Google Vizier" (2017), section 3.2.2.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from runforge.core.ranking import MAXIMIZE, MINIMIZE
from runforge.core.stop_rules import Rule, decide

if TYPE_CHECKING:
    from runforge.core.stop_rules import Curve

BOTH = pytest.mark.parametrize("direction", [MINIMIZE, MAXIMIZE])
SWEEPS = 300
MEDIAN = Rule("median")


class Asha:
    """The paper's rungs: each has what the runs had when they came to it, in the order in which they came."""

    def __init__(self, least: float, eta: int, direction: str) -> None:
        self.least, self.eta = least, eta
        self.sign = 1 if direction == MINIMIZE else -1
        self.rungs: dict[int, dict[int, float]] = {}

    def reports(self, run: int, step: float, value: float) -> bool:
        """Note a report; return whether the run is stopped. A report beyond several rungs counts on all of them."""
        place, reached = 0, None
        while self.least * self.eta**place <= step:
            rung = self.rungs.setdefault(place, {})
            if run not in rung:
                rung[run] = value
                reached = rung
            place += 1
        return reached is not None and run not in self.top(reached)

    def top(self, rung: dict[int, float]) -> set[int]:
        """Return the best floor(n / eta) runs of a rung, at least one, and all that are as good as the last of them."""
        known = {run: self.sign * value for run, value in rung.items() if not math.isnan(value)}
        if not known:
            return set(rung)  # nobody is better
        count = max(1, len(known) // self.eta)
        worst = sorted(known.values())[count - 1]
        return {run for run, value in known.items() if value <= worst}


def reports(chance: random.Random, runs: int) -> Iterator[tuple[int, float, float]]:
    """Yield run, step and value, the runs mixed; some leave steps out, repeat values of others, or diverge."""
    at = dict.fromkeys(range(runs), 0.0)
    stride = {run: chance.choice([1, 1, 1, 2, 4, 0.5]) for run in at}
    for _ in range(runs * 12):
        run = chance.randrange(runs)
        at[run] += stride[run] * chance.choice([1, 1, 1, 3])
        value = chance.choice([chance.gauss(0, 1), float(chance.randint(-2, 2))])
        yield run, at[run], math.nan if chance.random() < 0.02 else value


@BOTH
@pytest.mark.parametrize(("least", "eta"), [(1, 3), (1, 2), (5, 3), (0.5, 4)])
def test_asha_decides_as_the_paper_does(direction: str, least: float, eta: int) -> None:
    told = {True: 0, False: 0}
    for seed in range(SWEEPS // 3):
        chance = random.Random(f"{seed} {direction} {least} {eta}")
        paper = Asha(least, eta, direction)
        curves: dict[int, list[tuple[float, float]]] = {run: [] for run in range(9)}
        judged, stopped = dict.fromkeys(curves, -math.inf), set[int]()
        for run, step, value in reports(chance, len(curves)):
            if run in stopped:
                continue
            curves[run].append((step, value))
            others = [curve for other, curve in curves.items() if other != run and curve]
            rule = Rule("asha", eta=eta, min=least)
            found = decide(rule, direction, curves[run], [], others, judged[run]) is not None
            judged[run] = step
            assert found is paper.reports(run, step, value), (seed, run, step)
            told[found] += 1
            stopped |= {run} if found else set()
    assert min(told.values()) > 100


@BOTH
def test_asha_late_is_the_paper_s_decision_at_the_highest_rung(direction: str) -> None:
    """A look comes when several rungs have been passed: what is spent is spent, so only the highest is judged."""
    rule, told = Rule("asha", eta=2, min=1), {True: 0, False: 0}
    for seed in range(SWEEPS):
        chance = random.Random(f"{seed} {direction}")
        paper = Asha(1, 2, direction)
        curves: dict[int, list[tuple[float, float]]] = {run: [] for run in range(8)}
        for run, step, value in reports(chance, len(curves)):
            curves[run].append((step, value))
            paper.reports(run, step, value)
        for run, curve in curves.items():
            highest = max((place for place, rung in paper.rungs.items() if run in rung), default=None)
            expected = highest is not None and run not in paper.top(paper.rungs[highest])
            others = [each for other, each in curves.items() if other != run and each]
            found = decide(rule, direction, curve, [], others) is not None
            assert found is expected, (seed, run)
            told[found] += 1
    assert min(told.values()) > 100


def best(values: Sequence[float], direction: str) -> float:
    return min(values) if direction == MINIMIZE else max(values)


def is_worse(value: float, than: float, direction: str) -> bool:
    return value > than if direction == MINIMIZE else value < than


def sweep(chance: random.Random, *, runs: int, flat: bool = False, never_worse: str = "") -> list[Curve]:
    """Return curves of unequal length in which some steps are missing, and many values are equal."""
    found: list[Curve] = []
    for _ in range(runs):
        steps = [float(step) for step in range(1, chance.randint(6, 20)) if chance.random() < 0.85] or [1.0]
        level = float(chance.randint(-3, 3))
        values = [level if flat else float(chance.randint(-3, 3)) + chance.choice([0, 0.25]) for _ in steps]
        if never_worse:
            values = [best(values[: at + 1], never_worse) for at in range(len(values))]
        found.append(list(zip(steps, values, strict=True)))
    return found


def applies(step: float, finished: Sequence[Curve]) -> bool:
    """Return whether the rule may decide: five runs, three values at the step, a tenth of the longest run."""
    there = sum(any(at == step for at, _ in curve) for curve in finished)
    return len(finished) >= 5 and there >= 3 and step >= 0.1 * max(curve[-1][0] for curve in finished)


def as_documented(curve: Curve, finished: Sequence[Curve], direction: str) -> bool:
    """Vizier's rule with the value that a finished run had at the step, where the paper has its average until then."""
    step = curve[-1][0]
    there = [value for each in finished for at, value in each if at == step]
    own = best([value for _, value in curve], direction)
    return applies(step, finished) and is_worse(own, statistics.median(there), direction)


def as_published(curve: Curve, finished: Sequence[Curve], direction: str) -> bool:
    """The paper's words: the best objective value by step s is strictly worse than the median value of the running
    averages of all completed trials' objectives reported up to step s."""
    step = curve[-1][0]
    reported = [
        [value for at, value in each if at <= step] for each in finished if any(at == step for at, _ in each)
    ]
    own = best([value for _, value in curve], direction)
    if not applies(step, finished):
        return False
    return is_worse(own, statistics.median(statistics.fmean(values) for values in reported), direction)


def cuts(curve: Curve) -> Iterator[Curve]:
    """Yield a curve as it was after each report."""
    yield from (curve[: at + 1] for at in range(len(curve)))


@BOTH
def test_median_decides_as_documented(direction: str) -> None:
    told = {True: 0, False: 0}
    for seed in range(SWEEPS):
        whole, *finished = sweep(random.Random(f"{seed} {direction}"), runs=3 + seed % 8)
        for curve in cuts(whole):
            found = decide(MEDIAN, direction, curve, finished, finished) is not None
            assert found is as_documented(curve, finished, direction), (seed, curve[-1])
            told[found] += 1
    assert min(told.values()) > 100


@BOTH
def test_median_is_vizier_s_where_a_run_s_average_is_its_value(direction: str) -> None:
    told = {True: 0, False: 0}
    for seed in range(SWEEPS):
        whole, *finished = sweep(random.Random(f"{seed} {direction}"), runs=6 + seed % 4, flat=True)
        for curve in cuts(whole):
            found = decide(MEDIAN, direction, curve, finished, finished) is not None
            assert found is as_published(curve, finished, direction), (seed, curve[-1])
            told[found] += 1
    assert min(told.values()) > 100


@BOTH
def test_median_stops_all_that_vizier_s_average_stops_while_runs_get_better(direction: str) -> None:
    """Why the value counts: an average over a falling loss has its bad beginning in it, and stops next to nothing."""
    ours, papers = 0, 0
    for seed in range(SWEEPS):
        chance = random.Random(f"{seed} {direction}")
        whole, *finished = sweep(chance, runs=6 + seed % 4, never_worse=direction)
        for curve in cuts(whole):
            found = decide(MEDIAN, direction, curve, finished, finished) is not None
            published = as_published(curve, finished, direction)
            assert found or not published, (seed, curve[-1])
            ours, papers = ours + found, papers + published
    assert ours > papers > 0
