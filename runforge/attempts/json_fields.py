"""Reads a JSON object that RunForge itself has written. The first field of a wrong type is refused.

Documents that users write are read in `documents`, which collects all problems.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from runforge.paths import Path

T = TypeVar("T")


class Misfit(ValueError):
    """A field is missing or has a wrong type; the message says which."""


class Fields:
    """The fields of one object. `at` is the object's own path in the document, with a dot at its end."""

    def __init__(self, value: object, at: str = "") -> None:
        if not isinstance(value, dict):
            raise Misfit(f"{at.rstrip('.') or 'the document'} must be an object, not {value!r:.60}")
        self._value: dict[str, Any] = value
        self._at = at

    def _get(self, name: str, kinds: tuple[type, ...], words: str) -> Any:
        if name not in self._value:
            raise Misfit(f"{self._at}{name} is missing")
        value = self._value[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise self._misfit(name, words)
        return value

    def _misfit(self, name: str, words: str) -> Misfit:
        return Misfit(f"{self._at}{name} must be {words}, not {self._value[name]!r:.60}")

    def has(self, name: str) -> bool:
        """Return whether the field is there; it may be null."""
        return name in self._value

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._get(name, (str,), "a text"))

    def path(self, name: str) -> Path:
        """Return an absolute path."""
        path = Path(self.text(name))
        if not path.is_absolute():
            raise self._misfit(name, "an absolute path")
        return path

    def whole(self, name: str) -> int:
        """Return a whole number of at least 0."""
        value = int(self._get(name, (int,), "a whole number"))
        if value < 0:
            raise self._misfit(name, "at least 0")
        return value

    def byte(self, name: str) -> int:
        """Return a whole number that an exit status can be."""
        value = self.whole(name)
        if value > 255:
            raise self._misfit(name, "at most 255")
        return value

    def number(self, name: str) -> float:
        """Return a finite number of at least 0."""
        try:
            value = float(self._get(name, (int, float), "a number"))
        except OverflowError:
            value = math.inf
        if not 0 <= value < math.inf:
            raise self._misfit(name, "a number of at least 0")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return bool(self._get(name, (bool,), "true or false"))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._get(name, (list,), "a list of texts")
        if not all(isinstance(part, str) for part in value):
            raise self._misfit(name, "a list of texts")
        return tuple(value)

    def words(self, name: str) -> dict[str, str]:
        """Return an object whose values are texts."""
        value = self.mapping(name)
        if not all(isinstance(part, str) for part in value.values()):
            raise self._misfit(name, "an object of texts")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object as it is."""
        return dict(self._get(name, (dict,), "an object"))

    def inner(self, name: str) -> Fields:
        """Return the fields of an object in this one."""
        return Fields(self.mapping(name), f"{self._at}{name}.")

    def inners(self, name: str) -> list[Fields]:
        """Return the fields of each object in a list."""
        values = self._get(name, (list,), "a list of objects")
        return [Fields(value, f"{self._at}{name}.{number}.") for number, value in enumerate(values)]

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return the field as `read` returns it; None if it is null or missing."""
        return None if self._value.get(name) is None else read(name)
