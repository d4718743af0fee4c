"""One JSON document with all metrics: trainer_state.json of Hugging Face's Trainer, written at each checkpoint.

A list of objects is read as its `log_history`; an object of lists, such as Keras' history, as columns.
"""

from __future__ import annotations

import json
from typing import Any

from runforge.metrics.points import Point, name_of, step_of, value_of

NAME = "trainer_state.json"
_LIMIT = 16 * 1024 * 1024
#: Not metrics, but where the training was.
_PLACES = frozenset({"step", "epoch", "global_step"})


class TrainerStateReader:
    """Reads the document when it is whole."""

    def __init__(self) -> None:
        self._data = b""
        self._is_too_long = False

    def feed(self, data: bytes) -> list[Point]:
        """Keep the bytes; return all points once they are a document."""
        if len(self._data) + len(data) > _LIMIT:
            self._data, self._is_too_long = b"", True
        if self._is_too_long:
            return []
        self._data += data
        return self._read() if self._data.rstrip()[-1:] in {b"}", b"]"} else []

    def _read(self) -> list[Point]:
        try:
            document = json.loads(self._data)
        except (ValueError, RecursionError):
            return []
        self._data = b""
        return _of_document(document)

    def finish(self) -> list[Point]:
        """Return nothing: a document without its end is not whole."""
        return []

    def gap(self) -> None:
        """Give up: a document with a gap is none."""
        self._data, self._is_too_long = b"", True

    def sentences(self) -> list[str]:
        """Return a sentence about a too long document."""
        return ["it is too long to be read"] if self._is_too_long else []


def _of_document(document: Any) -> list[Point]:
    history = document.get("log_history", document) if isinstance(document, dict) else document
    if isinstance(history, list):
        return [point for entry in history for point in _points(entry)]
    if not isinstance(history, dict):
        return []
    if not any(isinstance(column, list) for column in history.values()):
        return _points(history)
    columns = {key: column for key, column in history.items() if isinstance(column, list)}
    return [
        point
        for place in range(max(map(len, columns.values()), default=0))
        for point in _points({key: column[place] for key, column in columns.items() if place < len(column)})
    ]


def _points(entry: Any) -> list[Point]:
    if not isinstance(entry, dict):
        return []
    step = next((s for key in ("step", "epoch") if (s := step_of(entry.get(key))) is not None), None)
    return [
        Point(name, step, value)
        for key, given in entry.items()
        if key not in _PLACES and (value := value_of(given)) is not None and (name := name_of(key))
    ]
