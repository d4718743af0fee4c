"""Which labels are classes, and which are a quantity."""

from __future__ import annotations

from collections import Counter

import pytest

from runforge.errors import InvalidRequest
from runforge.training.labels import class_weights, notes, require_classes

_ROWS = range(400)


@pytest.mark.parametrize(
    "labels",
    [
        [f"{i * 1.37:.2f}" for i in _ROWS],
        ["0.5", "1.5"] * 200,
        [f"{i % 50 * 10}.0" for i in _ROWS],
        [str(1000 + i) for i in _ROWS],
        [f"{i},5" for i in _ROWS],
        ["NA", *(f"{i * 1.37:.2f}" for i in _ROWS)],
    ],
    ids=["prices", "halves", "tens", "numbers of rows", "decimal commas", "with a gap"],
)
def test_a_quantity_is_refused_with_the_way_out(labels: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="quantity") as caught:
        require_classes(Counter(labels), "price", None, "d.csv")
    assert 'dataset.label_type "class"' in str(caught.value)
    require_classes(Counter(labels), "price", "class", "d.csv")


@pytest.mark.parametrize(
    "labels",
    [
        ["0", "1"] * 200,
        ["0.0", "1.0"] * 200,
        [str(i % 100) for i in _ROWS],
        [f"{i}.5x" for i in _ROWS],
        ["low", "1.5", "2.5"] * 100,
        ["None", "NA"] * 3,
        [],
    ],
    ids=["binary", "written by a program", "a hundred digits", "texts", "mixed", "words", "nothing"],
)
def test_classes_pass(labels: list[str]) -> None:
    require_classes(Counter(labels), "label", None, "d.csv")


def test_what_is_left_out_and_what_is_odd_is_told() -> None:
    told = "\n".join(notes(Counter(["None"] * 5 + ["mild"] * 5), 3))
    assert "3 rows have no label and are left out" in told
    assert "'None' (5 rows)" in told
    assert "30 classes in 60 rows" in "\n".join(notes(Counter([f"c{i % 30}" for i in range(60)]), 0))
    assert notes(Counter({"a": 50, "b": 50}), 0) == []


def test_class_weights_go_by_the_names_of_the_classes() -> None:
    assert class_weights({"yes": 5, "no": 1}, ["no", "yes"]) == {1: 5, 0: 1}
    assert class_weights("balanced", ["no", "yes"]) == "balanced"
    assert class_weights(None, ["no", "yes"]) is None
    with pytest.raises(InvalidRequest, match=r"'maybe' is not a class; the classes are no, yes"):
        class_weights({"maybe": 2}, ["no", "yes"])
