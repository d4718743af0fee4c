"""Collects all problems of a document, so that one line can name them."""

from __future__ import annotations

from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runforge.errors import RunForgeError

_SHOWN = 4


class Problems:
    """The problems of one document, each with the path of its field."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, path: str, message: str) -> None:
        """Note a problem at a field."""
        self._found.append((path, message))

    def raise_if_any(self, error: type[RunForgeError], where: str) -> None:
        """Raise the first problem, with the names of the other wrong fields."""
        if not self._found:
            return
        path, message = self._found[0]
        rest = [other for other, _ in self._found[1:]]
        text = f"{path}: {message}"
        if rest:
            shown = ", ".join(rest[:_SHOWN]) + (", ..." if len(rest) > _SHOWN else "")
            text += f" (and {len(rest)} more: {shown})"
        raise error(text, where=where)


class Fields:
    """Reads the fields of an object by type. A wrong field becomes a problem."""

    def __init__(self, value: dict[str, Any], path: str, problems: Problems) -> None:
        self._value = value
        self._path = path
        self.problems = problems

    def path(self, name: str) -> str:
        """Return the full path of a field."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Return whether the field is there and not null."""
        return self._value.get(name) is not None

    def _get(self, name: str, kinds: tuple[type, ...], kind: str, *, required: bool) -> Any:
        if not self.has(name):
            if required:
                self.problems.add(self.path(name), "is missing")
            return None
        value = self._value[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.problems.add(self.path(name), f"must be {kind}, not {value!r:.60}")
            return None
        return value

    def text(self, name: str, *, required: bool = False) -> str | None:
        """Return a non-empty text."""
        value: str | None = self._get(name, (str,), "a text", required=required)
        if value is not None and required and not value.strip():
            self.problems.add(self.path(name), "is empty")
        return value

    def integer(self, name: str, *, least: int, required: bool = False) -> int | None:
        """Return an integer of at least `least`."""
        value: int | None = self._get(name, (int,), "an integer", required=required)
        if value is not None and value < least:
            self.problems.add(self.path(name), f"must be at least {least}, not {value}")
            return None
        return value

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """Return a number within bounds."""
        value: float | None = self._get(name, (int, float), "a number", required=False)
        if value is not None and not least <= value <= most:
            self.problems.add(self.path(name), f"must be between {least:g} and {most:g}, not {value!r:.60}")
            return None
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._get(name, (bool,), "true or false", required=False)
        return default if value is None else bool(value)

    def mapping(self, name: str, *, required: bool = False) -> Fields | None:
        """Return an object's fields."""
        value = self._get(name, (dict,), "an object", required=required)
        return None if value is None else Fields(value, self.path(name), self.problems)

    def list(self, name: str, *, required: bool = False) -> list[Any] | None:
        """Return a list."""
        value: list[Any] | None = self._get(name, (list,), "a list", required=required)
        return value

    def one_of(self, name: str, known: Iterable[str], *, required: bool = True) -> str | None:
        """Return one of the known words."""
        words = list(known)
        value = self.text(name, required=required)
        if value is not None and value not in words:
            hint = did_you_mean(value, words)
            self.problems.add(
                self.path(name),
                f"{value!r:.60} is unknown; known are {', '.join(words)}" + (f". {hint}" if hint else ""),
            )
            return None
        return value

    def exactly(self, name: str, wanted: object) -> None:
        """Require one value."""
        if name not in self._value:
            self.problems.add(self.path(name), f"is missing; it must be {wanted!r}")
        elif self._value[name] != wanted or isinstance(self._value[name], bool):
            self.problems.add(self.path(name), f"must be {wanted!r}, not {self._value[name]!r:.60}")

    @property
    def raw(self) -> dict[str, Any]:
        """The object itself."""
        return self._value
