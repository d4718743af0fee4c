"""Named tuples without `typing`, which takes as long to import as a short command runs, for what such commands import.

A type checker sees `typing.NamedTuple`. The module of such a class needs `from __future__ import
annotations`: the names of the fields are read from there, and nothing is evaluated.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - others take it from here
else:
    from _collections import _tuplegetter  # as collections.namedtuple does

    class _Fields(type):
        """Makes the fields of such a class before the class: one after the other would take four times as long."""

        def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> Any:
            names = tuple(space.get("__annotations__", ()))
            if names and not any(getattr(base, "_fields", ()) for base in bases):  # else it has those
                space["_field_defaults"] = {name: space[name] for name in names if name in space}
                space.update(zip(names, map(_tuplegetter, range(len(names)), [""] * len(names)), strict=True))
                space["_fields"] = space["__match_args__"] = names
            return type.__new__(cls, name, bases, space)

    class NamedTuple(tuple, metaclass=_Fields):
        """A tuple with names, made of the annotations of a class as `typing.NamedTuple` does it."""

        __slots__ = ()
        _fields = ()

        def __new__(cls, /, *values: Any, **named: Any) -> Any:
            """Return a tuple of these values. TypeError if they do not fit the fields."""
            if named or len(values) != len(cls._fields):
                values = cls._filled(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _filled(cls, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
            """Return the values of all fields. Very many are made: only what does not fit is looked at closely."""
            known = {**cls._field_defaults, **named}
            try:
                rest = [known.pop(name) for name in cls._fields[len(values) :]]
            except KeyError:
                return cls._checked(values, named)
            if len(values) > len(cls._fields) or not named.keys().isdisjoint(known):
                return cls._checked(values, named)
            return (*values, *rest)

        @classmethod
        def _checked(cls, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
            given = dict(zip(cls._fields, values, strict=False))
            wrong = [name for name in named if name in given or name not in cls._fields]
            known = {**cls._field_defaults, **given, **named}
            lacking = [name for name in cls._fields if name not in known]
            if wrong or lacking or len(values) > len(cls._fields):
                what = f"{len(values)} values and {sorted(named)}, lacking {lacking}"
                raise TypeError(f"{cls.__name__} has the fields {cls._fields}; given: {what}")
            return tuple([known[name] for name in cls._fields])

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Any:
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(made)}")
            return made

        def _replace(self, /, **changed: Any) -> Any:
            made = self._make(map(changed.pop, self._fields, self))
            if changed:
                raise ValueError(f"Got unexpected field names: {list(changed)!r}")
            return made

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            told = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({told})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)
