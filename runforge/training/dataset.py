"""The dataset as arrays: numbers and categories told apart, missing values kept, labels encoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runforge.errors import InvalidRequest
from runforge.training.table import is_missing, label_index, rows

_TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Dataset:
    """Features as an object matrix (floats and texts), their kinds, and the raw labels."""

    features: Any
    names: list[str]
    numeric: list[int]
    categorical: list[int]
    labels: Any


def load(path: Path, label: str, *, max_rows: int | None, seed: int) -> Dataset:
    """Return the dataset; with `max_rows` a seeded sample of that many rows, in file order.

    Rows without a label are left out. Raises Missing or InvalidRequest, naming file and row.
    """
    with rows(path) as (names, body):
        at = label_index(path, names, label)
        table = [_checked(path, number, row, len(names)) for number, row in body]
    table = [row for row in table if not is_missing(row[at])]
    if not table:
        raise InvalidRequest("the dataset has no rows with a label", where=str(path))
    if max_rows is not None and max_rows < len(table):
        chosen = np.random.default_rng(seed).choice(len(table), size=max_rows, replace=False)
        table = [table[index] for index in sorted(chosen)]
    columns = list(zip(*table, strict=True))
    labels = np.array([cell.strip() for cell in columns.pop(at)], dtype=object)
    return _typed([name for index, name in enumerate(names) if index != at], columns, labels)


def _checked(path: Path, number: int, row: list[str], width: int) -> list[str]:
    if len(row) != width:
        raise InvalidRequest(f"line {number} has {len(row)} cells, the header has {width}", where=str(path))
    return row


def _typed(names: list[str], columns: list[tuple[str, ...]], labels: Any) -> Dataset:
    features = np.empty((len(labels), len(names)), dtype=object)
    numeric, categorical = [], []
    for index, cells in enumerate(columns):
        numbers = _numbers(cells)
        if numbers is None:
            categorical.append(index)
            features[:, index] = [None if is_missing(cell) else cell.strip() for cell in cells]
        else:
            numeric.append(index)
            features[:, index] = numbers
    return Dataset(features, names, numeric, categorical, labels)


def _numbers(cells: tuple[str, ...]) -> list[float] | None:
    """Return a column as numbers, missing ones as NaN; None if some cell is none."""
    try:
        found = [float("nan") if is_missing(cell) else float(cell) for cell in cells]
    except ValueError:
        return None
    return [value if np.isfinite(value) else float("nan") for value in found]


def split(labels: Any, seed: int) -> tuple[Any, Any]:
    """Return the indices to train and to test on: stratified, seeded.

    Every class is trained on; a class with a single row is never tested on, one with a few rows may not
    be. Raises InvalidRequest where no two classes have two rows.
    """
    from sklearn.model_selection import train_test_split

    _, inverse, times = np.unique(labels, return_inverse=True, return_counts=True)
    many = np.flatnonzero(times[inverse] >= 2)
    classes = int((times >= 2).sum())
    if classes < 2:
        raise InvalidRequest(
            f"the {len(labels)} rows hold no two classes with two rows each",
            where="dataset.label_column",
            fix="Use more rows (--max-rows), or another label column",
        )
    size = min(max(round(len(many) * _TEST_SHARE), classes), len(many) - classes)
    train, test = train_test_split(many, test_size=size, stratify=inverse[many], random_state=seed)
    return np.sort(np.concatenate([train, np.flatnonzero(times[inverse] < 2)])), np.sort(test)
