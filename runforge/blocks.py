"""`with` blocks made of generators, without `contextlib`, which takes as long to import as a short command runs.

A type checker sees contextlib's own. They differ in one thing: what `contextmanager` makes is no decorator.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import contextmanager as contextmanager  # noqa: PLC0414 - others take them from here
    from contextlib import suppress as suppress  # noqa: PLC0414
    from types import TracebackType
    from typing import Any
else:

    class _Block:
        """A generator that yields once, as a block."""

        __slots__ = ("_steps",)

        def __init__(self, steps: Any) -> None:
            self._steps = steps

        def __enter__(self) -> Any:
            try:
                return next(self._steps)
            except StopIteration:
                raise RuntimeError("generator didn't yield") from None

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> bool:
            if kind is None:
                return self._end()
            try:
                self._steps.throw(error)
            except StopIteration as end:
                return end is not error
            except BaseException as raised:
                is_own = raised is error or (
                    isinstance(error, StopIteration)
                    and isinstance(raised, RuntimeError)
                    and raised.__cause__ is error
                )
                if not is_own:
                    raise
                error.__traceback__ = trace
                return False
            raise RuntimeError("generator didn't stop after throw()")

        def _end(self) -> bool:
            try:
                next(self._steps)
            except StopIteration:
                return False
            raise RuntimeError("generator didn't stop")

    def contextmanager(function: Any) -> Any:
        """Return a function whose call is a `with` block: what comes before and after the generator's `yield`."""

        def made(*values: Any, **named: Any) -> _Block:
            return _Block(function(*values, **named))

        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(made, name, getattr(function, name))
        made.__wrapped__ = function
        return made

    class suppress:  # noqa: N801 - as in contextlib
        """A block that ends quietly with one of these errors."""

        __slots__ = ("_kinds",)

        def __init__(self, *kinds: type[BaseException]) -> None:
            self._kinds = kinds

        def __enter__(self) -> None:
            pass

        def __exit__(self, kind: type[BaseException] | None, *_more: object) -> bool:
            return kind is not None and issubclass(kind, self._kinds)
