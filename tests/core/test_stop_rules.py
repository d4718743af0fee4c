"""Stop rules against the published definitions: the decisions are worked out by hand, and by Optuna where it is there."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING

import pytest

from runforge.core import stop_rules
from runforge.core.ranking import MAXIMIZE, MINIMIZE
from runforge.core.stop_rules import Rule, UnknownRule, Verdict, decide, parse

if TYPE_CHECKING:
    from runforge.core.stop_rules import Curve

MEDIAN = Rule("median")


def line(*values: float, start: int = 1) -> list[tuple[float, float]]:
    return [(float(start + index), value) for index, value in enumerate(values)]


#: Losses of five finished runs; at step 2 they are 1 to 5, so the median is 3.
FIVE = [line(9, each, 0.5) for each in (5, 3, 1, 4, 2)]


def is_stopped(rule: Rule, curve: Curve, finished: list[Curve], direction: str = MINIMIZE) -> bool:
    return decide(rule, direction, curve, finished, finished) is not None


@pytest.mark.parametrize(
    ("curve", "finished", "expected"),
    [
        (line(9, 3.1), FIVE, True),  # worse than the median of 3
        (line(9, 3), FIVE, False),  # as good as it
        (line(2.9, 8), FIVE, False),  # its best so far counts, not its last
        (line(9, 99), FIVE[:4], False),  # four finished runs are too few
        (line(9, 99), [*FIVE[:2], line(1), line(1), line(1)], False),  # two values at the step are too few
        (line(9, 99), [*FIVE[:3], line(1), line(1)], True),  # three are enough
        (line(*[9] * 4), FIVE, False),  # longer than all others: nothing to compare with
        (line(math.nan, math.nan), FIVE, True),  # diverged
        (line(math.nan, 1), FIVE, False),
        ([], FIVE, False),
    ],
)
def test_median_by_hand(curve: Curve, finished: list[Curve], expected: bool) -> None:
    assert is_stopped(MEDIAN, curve, finished) is expected
    flipped = [[(at, -value) for at, value in each] for each in (curve, *finished)]
    assert is_stopped(MEDIAN, flipped[0], flipped[1:], MAXIMIZE) is expected


def test_median_decides_nothing_in_the_first_tenth() -> None:
    finished = [line(*[1.0] * 100) for _ in range(5)]
    stopped_at = [at for at in range(1, 101) if is_stopped(MEDIAN, line(*[2.0] * at), finished)]
    assert stopped_at == list(range(10, 101))


def test_a_verdict_says_where_and_why() -> None:
    verdict = decide(MEDIAN, MINIMIZE, line(9, 4), FIVE, FIVE)
    assert verdict == Verdict("median", 2.0, 4, 3)
    assert json.loads(verdict.to_json()) == {"rule": "median", "step": 2.0, "value": 4, "threshold": 3}


@pytest.mark.parametrize(
    ("losses", "stopped"),
    [
        ([1], []),  # the first one goes on
        ([1, 2], [2]),  # of two, the better one
        ([1, 2, 3, 4, 5, 6], [3, 4, 5, 6]),  # of six, two
        ([1, 1, 1], []),  # equal ones are equally good
    ],
)
def test_asha_lets_a_third_go_on(losses: list[int], stopped: list[int]) -> None:
    rule = Rule("asha", eta=3, min=2)
    curves = [line(9, loss) for loss in losses]
    found = [
        loss
        for at, loss in enumerate(losses)
        if decide(rule, MINIMIZE, curves[at], [], curves[:at] + curves[at + 1 :])
    ]
    assert found == stopped


def test_asha_has_rungs_and_judges_each_once() -> None:
    rule = Rule("asha", eta=2, min=2)  # rungs at 2, 4, 8
    good = line(*[1.0] * 9)
    bad = line(*[2.0] * 9)
    told = [decide(rule, MINIMIZE, bad[:at], [], [good], since=at - 1) is not None for at in range(1, 10)]
    assert [at for at, is_told in enumerate(told, 1) if is_told] == [2, 4, 8]
    verdict = decide(rule, MINIMIZE, bad[:7], [], [good], since=1)
    assert verdict is not None
    assert (verdict.step, verdict.value, verdict.threshold) == (4, 2.0, 1.0)
    assert decide(rule, MINIMIZE, bad[:7], [], [good], since=5) is None
    assert decide(rule, MINIMIZE, bad, [], [good[:7]]) is None  # nobody else is at the rung of 8


def test_asha_takes_the_first_value_at_or_above_the_rung() -> None:
    rule = Rule("asha", eta=2, min=5)
    assert decide(rule, MINIMIZE, [(3, 9), (6, 2), (7, 0)], [], [[(5, 1)]]) == Verdict(
        "asha:eta=2,min=5", 5, 2, 1
    )


def test_target_stops_the_others() -> None:
    rule = parse("target:0.95")
    reached, behind = line(0.5, 0.96, 0.9), line(0.5, 0.6)
    assert decide(rule, MAXIMIZE, behind, [], [reached]) == Verdict("target:0.95", 2, 0.6, 0.95)
    assert decide(rule, MAXIMIZE, behind, [], [line(0.94)]) is None
    assert decide(rule, MAXIMIZE, reached, [], [behind, reached]) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3, 2, 1], False), ([3, 1, 1], False), ([3, 1, 1, 2], True), ([1, 2, 3], True), ([1, 2, 0.5], False)],
)
def test_patience_counts_values_without_a_new_best(values: list[float], expected: bool) -> None:
    assert is_stopped(parse("patience:2"), line(*values), []) is expected


@pytest.mark.parametrize(
    "text", ["median", "asha:eta=4,min=5", "asha:eta=3,min=0.5", "target:0.95", "patience:7"]
)
def test_a_rule_is_written_as_it_is_read(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "mean",
            "median:3",
            "asha:eta=1",
            "asha:min=0",
            "asha:eta",
            "asha:etas=3",
            "asha:eta=x",
            "asha:min=nan",
        ),
        *("target", "target:x", "target:nan", "patience", "patience:0", "patience:1.5", "off"),
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UnknownRule, match="median, asha"):
        parse(text)


@pytest.mark.parametrize("rule", ["median", "asha:eta=2,min=2", "target:0.2", "patience:2"])
def test_the_order_of_the_others_changes_nothing(rule: str) -> None:
    chance = random.Random(rule)
    curves: list[Curve] = [line(*(chance.random() for _ in range(chance.randint(1, 9)))) for _ in range(12)]
    for curve in curves:
        shuffled = chance.sample(curves, len(curves))
        first = decide(parse(rule), MINIMIZE, curve, curves, curves)
        assert decide(parse(rule), MINIMIZE, curve, shuffled, shuffled) == first


@pytest.mark.parametrize("direction", [MINIMIZE, MAXIMIZE])
def test_median_decides_as_optuna_does(direction: str) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna's own decisions are compared where it is installed")
    optuna.logging.disable_default_handler()
    chance = random.Random(direction)
    agreed = {True: 0, False: 0}
    for _ in range(12):
        finished = [line(*(chance.gauss(0, 1) for _ in range(chance.randint(5, 10)))) for _ in range(8)]
        study = optuna.create_study(direction=direction)
        for each in finished:
            steps = {int(at): value for at, value in each}
            study.add_trial(optuna.trial.create_trial(value=each[-1][1], intermediate_values=steps))
        length = max(len(each) for each in finished)
        warm_up = math.ceil(stop_rules.MEDIAN_WARM_UP * length)
        pruner = optuna.pruners.MedianPruner(5, warm_up, n_min_trials=3)
        whole = line(*(chance.gauss(0, 1) for _ in range(10)))
        for at in range(1, 11):
            steps = {int(step): value for step, value in whole[:at]}
            running = optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING, value=None, intermediate_values=steps
            )
            expected = bool(pruner.prune(study, running))
            assert is_stopped(MEDIAN, whole[:at], finished, direction) is expected
            agreed[expected] += 1
    assert min(agreed.values()) > 5
