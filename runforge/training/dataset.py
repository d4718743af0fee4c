"""The dataset as arrays: numbers and categories separated, missing values kept, labels encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runforge.errors import InvalidRequest
from runforge.training import labels as label_column
from runforge.training.columns import read_column
from runforge.training.table import Table, is_blank, open_table

_TEST_SHARE = 0.2
_NAME = 40
_NAMES = 20


@dataclass(frozen=True, slots=True)
class Dataset:
    """Features as an object matrix (floats and texts), their kinds, and the raw labels."""

    features: Any
    names: list[str]
    numeric: list[int]
    categorical: list[int]
    labels: Any
    separator: str
    #: How many rows have no label.
    left_out: int
    #: Notes about unusual cells.
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows with a label, and their line numbers."""

    lines: list[int]
    cells: list[list[str]]
    left_out: int


def load(
    path: Path,
    label: str,
    *,
    max_rows: int | None,
    seed: int,
    separator: str | None = None,
    label_type: str | None = None,
) -> Dataset:
    """Return the dataset; with `max_rows` a seeded sample of that many rows, in file order.

    Rows without a label are left out. Raises Missing or InvalidRequest with file and row.
    """
    with open_table(path, separator) as table:
        at = table.find(label, is_quoting=False)
        rows = _labelled(table, at)
    if not rows.cells:
        raise InvalidRequest("the dataset has no rows with a label", where=str(path))
    counts = Counter(row[at].strip() for row in rows.cells)
    label_column.require_classes(counts, label, label_type, str(path))
    if max_rows is not None and max_rows < len(rows.cells):
        chosen = sorted(np.random.default_rng(seed).choice(len(rows.cells), size=max_rows, replace=False))
        rows = _Rows([rows.lines[i] for i in chosen], [rows.cells[i] for i in chosen], rows.left_out)
    notes = label_column.notes(counts, rows.left_out)
    return _typed(table, at, rows, notes)


def _labelled(table: Table, at: int) -> _Rows:
    rows, left_out = _Rows([], [], 0), 0
    for line, row in table.rows():
        if row[at].strip():
            rows.lines.append(line)
            rows.cells.append(row)
        elif not is_blank(row):
            left_out += 1
    return _Rows(rows.lines, rows.cells, left_out)


def _typed(table: Table, at: int, rows: _Rows, notes: list[str]) -> Dataset:
    columns = list(zip(*rows.cells, strict=True))
    labels = np.array([cell.strip() for cell in columns.pop(at)], dtype=object)
    names = [name for index, name in enumerate(table.names) if index != at]
    features = np.empty((len(labels), len(names)), dtype=object)
    numeric: list[int] = []
    categorical: list[int] = []
    told: dict[int, str] = {}
    for index, cells in enumerate(columns):
        column = read_column(cells, rows.lines, table.separator)
        (categorical if column.numbers is None else numeric).append(index)
        features[:, index] = column.texts if column.numbers is None else column.numbers
        told[index] = column.note
    plain = [index for index in categorical if not told[index]]
    notes = [*notes, *_notes(names, told, plain)]
    return Dataset(features, names, numeric, categorical, labels, table.separator, rows.left_out, notes)


def _notes(names: list[str], told: dict[int, str], plain: list[int]) -> Iterator[str]:
    """Yield the notes of up to some twenty columns, and the names of normal text columns."""
    noted = [index for index, note in told.items() if note]
    for index in noted[:_NAMES]:
        yield f"column {names[index]:.{_NAME}}: {told[index]}"
    if len(noted) > _NAMES:
        yield f"{len(noted) - _NAMES} more columns are not plain numbers or texts"
    if plain:
        shown = ", ".join(names[index][:_NAME] for index in plain[:_NAMES])
        yield f"text columns: {shown}" + (", ..." if len(plain) > _NAMES else "")


def split(labels: Any, seed: int) -> tuple[Any, Any]:
    """Return the indices to train and to test on: stratified, seeded.

    Every class has training rows. A class with a single row has no test row, one with a few rows perhaps
    none. Raises InvalidRequest if there are no two classes with two rows.
    """
    from sklearn.model_selection import StratifiedShuffleSplit

    _, inverse, times = np.unique(labels, return_inverse=True, return_counts=True)
    many = np.flatnonzero(times[inverse] >= 2)
    classes = int((times >= 2).sum())
    if classes < 2:
        raise InvalidRequest(
            f"the {len(labels)} rows do not have two classes with two rows each",
            where="dataset.label_column",
            fix="Use more rows (--max-rows), or another label column",
        )
    size = min(max(round(len(many) * _TEST_SHARE), classes), len(many) - classes)
    # What train_test_split does, without its checks.
    chooser = StratifiedShuffleSplit(1, test_size=size, train_size=len(many) - size, random_state=seed)
    train, test = (many[places] for places in next(chooser.split(many, inverse[many])))
    return np.sort(np.concatenate([train, np.flatnonzero(times[inverse] < 2)])), np.sort(test)
