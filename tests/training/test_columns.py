"""What a column is: numbers, texts or nothing; decided for the whole column, with a note if unusual."""

from __future__ import annotations

import math

import pytest

from runforge.training.columns import Column, read_column


def read(*cells: str, separator: str = ",") -> Column:
    return read_column(cells, range(2, len(cells) + 2), separator)


def numbers(*cells: str, separator: str = ",") -> list[float | None]:
    """Return the numbers with None for NaN; the column has to be one of numbers."""
    found = read(*cells, separator=separator).numbers
    assert found is not None
    return [None if math.isnan(value) else value for value in found]


_MANY = tuple(f"{place}.5" for place in range(1, 41))


def test_plain_numerals_are_numbers() -> None:
    assert numbers("1", "-2.5", "+3", "1e-3", ".5", "4.", " 6 ", "0", "0.25") == [
        *(1.0, -2.5, 3.0, 0.001, 0.5, 4.0, 6.0, 0.0, 0.25)
    ]
    assert read("1", "2").note == ""


@pytest.mark.parametrize(
    "word",
    ["", "  ", "NA", "n/a", "N/A", "null", "NULL", "None", "NaN", "nan", "?", "-", ".", "<NA>", "#N/A"],
)
def test_words_for_no_value_are_missing_in_numbers_and_in_texts(word: str) -> None:
    assert numbers("1", word, "2") == [1.0, None, 2.0]
    assert read("1", word, "2").note == ""
    assert read("red", word, "blue").texts == ["red", None, "blue"]


def test_a_column_of_nothing_is_one_of_missing_numbers() -> None:
    assert numbers("", "NA", "?") == [None, None, None]


@pytest.mark.parametrize("cell", ["error", "1_000", "0x1F", "12%", "2024-01-05", "007", "1,234,567", "٣"])
def test_one_odd_cell_is_missing_and_told(cell: str) -> None:
    assert numbers(*_MANY, cell)[-2:] == [40.5, None]
    note = read(*_MANY, cell).note
    assert "1 cell is no number and taken as missing" in note
    assert f"{cell!r} in line 42" in note


def test_many_odd_cells_make_a_text_that_is_told() -> None:
    column = read(*_MANY, *["off"] * 3)
    assert column.numbers is None
    assert "taken as text: 3 of 43 cells are not plain numbers ('off' in line 42)" in column.note


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e309", "9" * 400])
def test_what_is_not_finite_is_no_value_and_told(cell: str) -> None:
    assert numbers("1", cell, "2") == [1.0, None, 2.0]
    assert "no finite number" in read("1", cell, "2").note


@pytest.mark.parametrize(
    "cells",
    [
        ("01234", "90210", "10001"),
        ("007", "0815", "12"),
        ("01234", *(str(place) for place in range(10_000, 10_040))),
        ("007", "08", *(str(place) for place in range(100))),
        ("2024-01-05", "2024-02-06"),
        ("1_000", "2_000"),
        ("0x1F", "0x20"),
        ("12%", "13%"),
        ("5,123", "4,876"),
        ("inf", "-inf"),
    ],
)
def test_what_only_looks_like_numbers_is_text_and_told(cells: tuple[str, ...]) -> None:
    column = read(*cells)
    assert column.texts == list(cells)
    assert column.note.startswith("taken as text")


def test_words_are_texts_that_need_no_note() -> None:
    assert read("red", "green") == Column(None, ["red", "green"], "")


@pytest.mark.parametrize(
    ("cells", "separator", "values"),
    [
        (("1,5", "2", "-3,25"), ";", [1.5, 2.0, -3.25]),
        (("1,234", "2,345"), ";", [1.234, 2.345]),
        (("0,123", "1,234"), ",", [0.123, 1.234]),
        (("1,5", "NA", "2,5"), "\t", [1.5, None, 2.5]),
    ],
)
def test_a_decimal_comma_is_read_where_it_is_clear(
    cells: tuple[str, ...], separator: str, values: list[float | None]
) -> None:
    assert numbers(*cells, separator=separator) == values
    assert "decimal commas" in read(*cells, separator=separator).note


def test_decimal_commas_survive_an_odd_cell() -> None:
    cells = [cell.replace(".", ",") for cell in _MANY]
    assert numbers(*cells, "error", separator=";")[-2:] == [40.5, None]


@pytest.mark.parametrize("other", ["2.5", "1,234,567"])
def test_a_comma_beside_a_point_or_a_second_comma_is_not_decimal(other: str) -> None:
    assert read("1,5", "3,5", other, separator=";").numbers is None
