"""Importance of parameters: against values by hand, and against SciPy where it is installed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runforge.core.importance import (
    RANK,
    RATIO,
    Importance,
    chi_95,
    correlation,
    correlation_ratio,
    ranks,
    strongest_first,
)


def of(xs: list[Any], ys: list[float]) -> Importance:
    """Return what is known of one parameter."""
    (found,) = strongest_first([({"p": x}, y) for x, y in zip(xs, ys, strict=True)], ["p"])
    return found


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([], []),
        ([7.0], [1.0]),
        ([3.0, 1.0, 2.0], [3.0, 1.0, 2.0]),
        ([1.0, 2.0, 2.0, 3.0], [1.0, 2.5, 2.5, 4.0]),
        ([5.0, 5.0, 5.0], [2.0, 2.0, 2.0]),
    ],
)
def test_equal_values_share_their_ranks(values: list[float], wanted: list[float]) -> None:
    assert ranks(values) == wanted


@pytest.mark.parametrize(
    ("xs", "ys", "wanted"),
    [
        ([1, 2, 3, 4, 5], [1e-9, 2e-9, 1.0, 5.0, 1e9], 1.0),
        ([1, 2, 3, 4, 5], [9.0, 8.0, 7.0, 1.0, 0.5], -1.0),
        # Ranks of y: 2 1 4 3 5; 1 - 6 * (1 + 1 + 1 + 1) / (5 * 24)
        ([0.1, 0.2, 0.3, 0.4, 0.5], [2.0, 1.0, 4.0, 3.0, 5.0], 0.8),
        # The best value in the middle: 1 - 6 * 20 / (5 * 24), with y at ranks 1.5 3.5 5 3.5 1.5
        ([1e-5, 1e-4, 1e-3, 1e-2, 1e-1], [0.0, 1.0, 2.0, 1.0, 0.0], 0.0),
    ],
)
def test_numbers_have_spearman_s_correlation(xs: list[float], ys: list[float], wanted: float) -> None:
    found = of(xs, ys)
    assert (found.kind, found.runs, found.values, found.why_none) == (RANK, 5, 5, "")
    assert found.value == pytest.approx(wanted)


def test_other_values_have_the_correlation_ratio_of_the_ranks() -> None:
    # Ranks 1 2 3 4 5 6, means 2 and 5 around 3.5: 6 * 1.5^2 of 17.5.
    found = of(["a", "a", "a", "b", "b", "b"], [1.0, 2.0, 3.0, 40.0, 50.0, 60.0])
    assert (found.kind, found.values) == (RATIO, 2)
    assert found.value == pytest.approx((13.5 / 17.5) ** 0.5)
    as_numbers = of([0, 0, 0, 1, 1, 1], [1.0, 2.0, 3.0, 40.0, 50.0, 60.0])
    assert as_numbers.value == pytest.approx(found.value)
    assert of([True, True, False, False, True, False], [1.0, 1.0, 2.0, 2.0, 1.0, 2.0]).value == pytest.approx(
        1
    )


@pytest.mark.parametrize(
    ("xs", "ys", "why"),
    [
        ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0], "too few runs: 4 of at least 5"),
        ([], [], "too few runs: 0"),
        ([7] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "all runs have one value"),
        ([1, 2, 3, 4, 5], [0.5] * 5, "the metric is the same"),
        (["a", "b", "c", "d", "e"], [1.0, 2.0, 3.0, 4.0, 5.0], "no order"),
        ([1, 2, 3, "auto", "a"], [1.0, 2.0, 3.0, 4.0, 5.0], "no order"),
        ([1, 2, 3, 4, 10**400], [1.0, 2.0, 3.0, 4.0, 5.0], "no order"),
    ],
)
def test_what_cannot_be_said_has_a_reason(xs: list[Any], ys: list[float], why: str) -> None:
    found = of(xs, ys)
    assert (found.kind, found.value, found.may_be_chance) == (None, None, False)
    assert why in found.why_none


def test_the_strongest_comes_first_then_chance_then_what_has_no_value() -> None:
    dice = random.Random(3)
    runs = [
        ({"weak": dice.random(), "lr": x, "opt": "ab"[x % 2], "seed": 1, "late": x}, float(x) + dice.random())
        for x in range(40)
    ]
    for given, _ in runs[:37]:
        del given["late"]
    found = strongest_first(runs, ["seed", "weak", "late", "opt", "lr"])
    assert [each.path for each in found][:1] == ["lr"]
    assert {each.path for each in found[1:3]} == {"weak", "opt"}
    assert [each.may_be_chance for each in found] == [False, True, True, False, False]
    assert [each.runs for each in found[3:]] == [40, 3]


def test_scipy_says_the_same() -> None:
    stats = pytest.importorskip("scipy.stats")
    dice = random.Random(1)
    for count in (5, 12, 200):
        xs = [dice.choice([0.1, 0.2, 0.5, dice.random()]) for _ in range(count)]
        ys = [dice.gauss(x, 0.3) for x in xs]
        assert correlation(ranks(xs), ranks(ys)) == pytest.approx(stats.spearmanr(xs, ys).statistic)
        names = [dice.choice("abc") for _ in range(count)]
        parts = [[y for name, y in zip(names, ys, strict=True) if name == each] for each in set(names)]
        ratio = correlation_ratio(names, ranks(ys))
        assert ratio**2 * (count - 1) == pytest.approx(stats.kruskal(*parts).statistic)
    for freedom in (1, 2, 3, 7, 50):
        assert chi_95(freedom) == pytest.approx(stats.chi2.ppf(0.95, freedom), rel=0.01)
