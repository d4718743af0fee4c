"""RunForge's own named tuples are those of `typing`."""

from __future__ import annotations

import copy
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

from runforge.named import NamedTuple


class Ours(NamedTuple):
    """Two fields and one with a default."""

    first: int
    second: str
    third: float = 0.5


class Theirs(typing.NamedTuple):
    """The same."""

    first: int
    second: str
    third: float = 0.5


MADE: list[Callable[[Any], Any]] = [
    lambda kind: kind(1, "a"),
    lambda kind: kind(1, "a", 2.0),
    lambda kind: kind(1, second="a"),
    lambda kind: kind(second="a", first=1, third=3.0),
    lambda kind: kind._make([1, "a", 2.0]),
    lambda kind: kind(1, "a")._replace(second="b"),
]


@pytest.mark.parametrize("make", MADE)
def test_what_is_made_is_the_same(make: Callable[[Any], Any]) -> None:
    ours, theirs = make(Ours), make(Theirs)
    assert tuple(ours) == tuple(theirs)
    assert ours._asdict() == theirs._asdict()
    assert (ours.first, ours.second, ours.third) == tuple(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert copy.copy(ours) == ours
    assert type(ours) is Ours


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(1),
        lambda kind: kind(1, "a", 2.0, 3),
        lambda kind: kind(1, "a", first=2),
        lambda kind: kind(1, "a", fourth=2),
        lambda kind: kind._make([1]),
    ],
)
def test_what_does_not_fit_is_refused_by_both(make: Callable[[Any], Any]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            make(kind)


def test_making_one_leaves_the_class_as_it_was() -> None:
    """A worker that is kept compares classes with what they were before its first run."""
    before = dict(vars(Ours))
    Ours(1, second="a")
    assert dict(vars(Ours)) == before


def test_a_class_of_named_tuples_has_their_fields() -> None:
    class Below(Ours):
        other: int = 3

    assert Below._fields == Ours._fields
    assert Below(1, "a").third == 0.5
    assert Below.other == 3
