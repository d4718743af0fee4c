"""RunForge's own enumerations of texts are those of `enum`."""

from __future__ import annotations

import copy
import json
import pickle
from enum import Enum

import pytest

from runforge.choices import Choice


class Ours(Choice):
    """Two texts."""

    ONE = "one"
    TWO_WORDS = "two words"

    def shouted(self) -> str:
        return self.upper()


class Theirs(str, Enum):
    """The same."""

    ONE = "one"
    TWO_WORDS = "two words"

    def __str__(self) -> str:
        return self.value


def test_they_are_those_of_enum() -> None:
    for kind in (Ours, Theirs):
        one = kind.ONE
        assert kind("one") is one
        assert [each.value for each in kind] == ["one", "two words"]
        assert [each.name for each in kind] == ["ONE", "TWO_WORDS"]
        assert (one, str(one), f"{one}", f"{one:>4}") == ("one", "one", "one", " one")
        assert len(kind) == 2
        assert isinstance(one, kind)
        assert {one: 1}["one"] == 1  # type: ignore[index]
        assert json.dumps([one]) == '["one"]'
        assert repr(one) == f"<{kind.__name__}.ONE: 'one'>"
        assert copy.copy(one) is copy.deepcopy(one) is pickle.loads(pickle.dumps(one)) is one
        for wrong in ("One", "", None, 3, []):
            with pytest.raises(ValueError, match=f"is not a valid {kind.__name__}"):
                kind(wrong)
        with pytest.raises(AttributeError):
            kind.ONE = "other"  # type: ignore[misc, assignment]


def test_they_have_functions_of_their_own() -> None:
    assert Ours.TWO_WORDS.shouted() == "TWO WORDS"
