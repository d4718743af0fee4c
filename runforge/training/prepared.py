"""The rows of a dataset made ready for a model: split, filled, scaled and encoded, all but the fit itself.

For a small table this takes longer than the fit. A worker that does one run after the other keeps the last results for
the same file and the same request; and for the same file with another seed the table, and a transformer whose parts are
fitted to the new rows. It keeps bytes, from which each run makes objects of its own: so no run can change what a later
one gets.
"""

from __future__ import annotations

import os
import pickle
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runforge.text import safe
from runforge.training import families
from runforge.training.dataset_file import open_dataset

if TYPE_CHECKING:
    from runforge.training.dataset import Dataset

#: Larger files are read by each run: their rows would fill the worker's memory.
_LARGEST = 1024 * 1024
#: A file that changed less than this many nanoseconds ago may change again within the same tick of its time stamps.
_FRESH_NS = 2_000_000_000
_KEPT = 2
_TABLES = 1


class Wanted(NamedTuple):
    """All of a request that decides the rows."""

    path: Path
    label: str
    max_rows: int | None
    seed: int
    separator: str | None
    label_type: str | None


@dataclass(frozen=True, slots=True)
class Split:
    """The prepared rows, and the transformer that prepared them."""

    prepare: Any
    encoder: Any
    feature_names: list[str]
    train: tuple[Any, Any]
    test: tuple[Any, Any]
    #: What is in the dataset, for result.json; and for the log.
    told: dict[str, Any]
    lines: list[str]


class Table(NamedTuple):
    """A table before it is split."""

    data: Dataset
    encoder: Any
    #: The labels as the encoder's numbers.
    labels: Any
    #: A transformer that was fitted to all of its rows, and what it does for all choices of them alike; None if the
    #: table is read only once.
    prepare: Any = None
    begun: dict[str, families.Begun] | None = None


class _ChangedError(Exception):
    """The file was changed while it was read."""


def rows(wanted: Wanted) -> Split:
    """Return the prepared rows. Raises RunForgeError for an unusable dataset."""
    identity = _identity(wanted.path)
    if identity is None:
        return split(_read(wanted), wanted.seed)
    try:
        kept: Split = pickle.loads(_kept(wanted, identity))  # noqa: S301 - made by this process
    except _ChangedError:
        return split(_read(wanted), wanted.seed)
    return kept


def _identity(path: Path) -> tuple[int, ...] | None:
    """Return what tells a file's contents from all others, without reading it; None if that may not be relied on."""
    with open_dataset(path) as stream:
        info = os.fstat(stream.fileno())
    age = time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns)
    if info.st_size > _LARGEST or age < _FRESH_NS:
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


@lru_cache(_KEPT)
def _kept(wanted: Wanted, identity: tuple[int, ...]) -> bytes:
    # Without a limit of rows the seed decides only which of them are to train on.
    of_table = wanted if wanted.max_rows is not None else wanted._replace(seed=0)
    table: Table = pickle.loads(_table(of_table, identity))  # noqa: S301 - made by this process
    return pickle.dumps(split(table, wanted.seed))


@lru_cache(_TABLES)
def _table(wanted: Wanted, identity: tuple[int, ...]) -> bytes:
    table = _read(wanted)
    if _identity(wanted.path) != identity:
        raise _ChangedError
    return pickle.dumps(for_many(table))


def _read(wanted: Wanted) -> Table:
    from runforge.training import dataset

    return labelled(dataset.load(**wanted._asdict()))


def labelled(data: Dataset) -> Table:
    """Return the table of a dataset."""
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder().fit(data.labels)
    return Table(data, encoder, encoder.transform(data.labels))


def for_many(table: Table) -> Table:
    """Return a table for many choices of its rows."""
    data = table.data
    prepare = families.build_preprocessing(data.numeric, data.categorical).fit(data.features)
    return table._replace(prepare=prepare, begun=families.begun(prepare, data.features))


def split(table: Table, seed: int) -> Split:
    """Return a table's rows to train and to test on, ready for a model. Raises InvalidRequest if there are too few."""
    from runforge.training import dataset

    data, encoder, labels, prepare, begun = table
    train_rows, test_rows = dataset.split(data.labels, seed)
    counts = (
        f"{len(data.labels)} rows, {len(data.numeric)} numeric and {len(data.categorical)} "
        f"categorical columns; training on {len(train_rows)}, testing on {len(test_rows)}"
    )
    notes = [safe(note) for note in data.notes]
    ready = families.fitted_anew(prepare, begun, train_rows) if begun is not None else None
    if ready is not None:
        fit_on, measure_on = ready[train_rows], ready[test_rows]
    else:
        prepare = families.build_preprocessing(data.numeric, data.categorical)
        fit_on = prepare.fit_transform(data.features[train_rows])
        measure_on = prepare.transform(data.features[test_rows])
    return Split(
        prepare,
        encoder,
        [str(name) for name in prepare.get_feature_names_out(data.names)],
        (fit_on, labels[train_rows]),
        (measure_on, labels[test_rows]),
        {
            "rows": len(data.labels),
            "rows_left_out": data.left_out,
            "separator": data.separator,
            "notes": notes,
        },
        [counts, *notes],
    )
