"""Named tuples without `typing`, which takes as long to import as a short command runs, for what such commands import.

A type checker sees `typing.NamedTuple`. The module of such a class needs `from __future__ import annotations`: the names
of the fields are read from there, and nothing is evaluated.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - others take it from here
else:
    from _collections import _tuplegetter  # as collections.namedtuple does

    class NamedTuple(tuple):
        """A tuple with names, made of the annotations of a class as `typing.NamedTuple` does it."""

        __slots__ = ()
        _fields = ()

        def __init_subclass__(cls) -> None:
            if cls._fields:  # a class of such a class has the same fields
                return
            names = tuple(cls.__annotations__)
            cls._field_defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
            for place, name in enumerate(names):
                setattr(cls, name, _tuplegetter(place, ""))
            cls._fields = cls.__match_args__ = names

        def __new__(cls, /, *values: Any, **named: Any) -> Any:
            """Make the class's own function of this name, which takes its fields, and call it: most are never called."""
            cls.__new__ = _maker(cls._fields, tuple(cls._field_defaults.values()))
            return cls.__new__(cls, *values, **named)

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

    def _maker(names: tuple[str, ...], defaults: tuple[Any, ...]) -> Callable[..., Any]:
        """Return `__new__` for these fields."""
        listed = ", ".join(names)
        source = f"lambda _cls, {listed}: _new(_cls, ({listed},))"
        made = eval(source, {"_new": tuple.__new__, "__builtins__": {}})  # noqa: S307 - names of our own fields
        made.__defaults__ = defaults
        made.__name__ = "__new__"
        return made
