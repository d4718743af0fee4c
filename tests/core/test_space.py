"""Draws follow from seed, number and name alone; a space knows what lies in it."""

from __future__ import annotations

import math

import pytest

from runforge.core.space import MOST_REPEATS, Dimension, contains, draw, draws, from_document, merged, samples

LR = Dimension("lr", 1e-5, 0.1, is_log=True)
X = Dimension("x", -1.0, 1.0)
N = Dimension("n", 1, 8)
WIDE = Dimension("w", 1, 1024, is_log=True)
KIND = Dimension("kind", values=("a", 1, 1.0, True, None, [1, 2]))
ALL = (LR, X, N, WIDE, KIND)


def test_a_draw_follows_from_seed_number_and_name_alone() -> None:
    first = draw(ALL, 7, 3)
    assert draw(ALL, 7, 3) == first == draw(tuple(reversed(ALL)), 7, 3)
    assert draw((LR,), 7, 3) == {"lr": first["lr"]}
    assert first not in (draw(ALL, 8, 3), draw(ALL, 7, 4))


def test_the_first_draws_of_a_seed_stay_what_they_are() -> None:
    """Another Python or version of RunForge makes the same sweep."""
    assert [draw((N,), 0, number)["n"] for number in range(8)] == [2, 6, 2, 2, 8, 2, 6, 1]
    assert draw(ALL, 7, 3) == {"lr": 0.000107021, "x": -0.110992, "n": 2, "w": 1, "kind": [1, 2]}
    assert draw(ALL, 0, 0) == {"lr": 0.070146, "x": 0.825956, "n": 2, "w": 12, "kind": None}


def test_every_draw_lies_in_the_space_and_every_part_of_it_is_drawn() -> None:
    made = [draw(ALL, 0, number) for number in range(2000)]
    assert all(contains(ALL, values) for values in made)
    assert {values["n"] for values in made} == set(range(1, 9))
    assert {repr(values["kind"]) for values in made} == {repr(value) for value in KIND.values}
    assert 0.4 < sum(values["lr"] < 1e-3 for values in made) / 2000 < 0.6
    assert 0.2 < sum(values["w"] <= math.sqrt(32) for values in made) / 2000 < 0.35
    assert {1, 2, 3} <= {values["w"] for values in made}


def test_few_digits_are_enough_and_the_ends_are_kept() -> None:
    assert all(len(repr(draw((LR,), 1, n)["lr"])) <= 12 for n in range(100))
    assert LR.tidied(0.09999999999) == 0.1
    assert Dimension("x", 0.1234571, 1.0).tidied(0.1234571) == 0.1234571


@pytest.mark.parametrize(
    ("space", "value", "is_in"),
    [
        (N, 8, True),
        (N, 9, False),
        (N, 2.0, False),
        (N, True, False),
        (X, 1, True),
        (X, "0", False),
        (X, float("nan"), False),
        (KIND, 1.0, True),
        (KIND, 2, False),
        (KIND, [1, 2], True),
    ],
)
def test_what_lies_in_a_dimension(space: Dimension, value: object, is_in: bool) -> None:
    assert contains((space,), {space.path: value}) is is_in


def test_values_of_other_names_are_not_of_the_space() -> None:
    assert not contains((N,), {"n": 1, "m": 1})
    assert not contains((N,), {})
    assert not contains((N,), [1])


def test_a_repeat_is_drawn_again_until_the_space_is_exhausted() -> None:
    small = (Dimension("a", 1, 2), Dimension("b", values=("x", "y")))
    found = draws(small, 0, 0, 10)
    assert len(found.runs) == 4
    assert found.is_exhausted
    assert found.asked >= 4 + MOST_REPEATS
    assert draws(small, 0, 0, 4).is_exhausted is False


def test_more_draws_continue_the_earlier_ones() -> None:
    whole = draws(ALL, 3, 0, 20)
    some = draws(ALL, 3, 0, 12)
    rest = draws(ALL, 3, some.asked, 8, some.runs)
    assert some.runs + rest.runs == whole.runs


def test_samples_show_both_ends_and_every_value() -> None:
    assert samples((N, Dimension("k", values=("a", "b", "c")))) == [
        {"n": 1, "k": "a"},
        {"n": 8, "k": "b"},
        {"n": 8, "k": "c"},
    ]


def test_a_space_grows() -> None:
    more = (Dimension("n", 4, 12), Dimension("k", values=("b", "c")), X)
    grown = merged((N, Dimension("k", values=("a", "b"))), more)
    assert grown == (Dimension("n", 4, 12), Dimension("k", values=("a", "b", "c")), X)


def test_a_space_is_the_same_after_it_was_written() -> None:
    assert from_document([each.document() for each in ALL]) == ALL
