"""Reads JSON without the package `json`, which takes as long to import as a short command runs: its parser in C alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SPACE = " \t\n\r"
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class Reader:
    """Reads as `json.loads` does that is given the same hooks: what it returns, and what it raises."""

    strict = True
    object_hook = None

    def __init__(
        self,
        parse_float: Callable[[str], Any] = float,
        parse_int: Callable[[str], Any] = int,
        parse_constant: Callable[[str], Any] = _CONSTANTS.__getitem__,
        object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    ) -> None:
        self.parse_float = parse_float
        self.parse_int = parse_int
        self.parse_constant = parse_constant
        self.object_pairs_hook = object_pairs_hook
        try:
            from _json import make_scanner

            self._scan: Any = make_scanner(self)  # type: ignore[arg-type]
        except (ImportError, AttributeError, TypeError):  # another implementation, or a later one
            self._scan = None

    def loads(self, text: str) -> Any:
        """Return what is in the text. Raises what the hooks raise, and what `json.loads` raises."""
        if self._scan is not None:
            inner = text.strip(_SPACE)
            try:
                found, end = self._scan(inner, 0)
            except (StopIteration, ValueError):
                end = -1
            if end == len(inner):
                return found
        import json  # it says what is wrong

        return json.loads(
            text,
            parse_float=self.parse_float,
            parse_int=self.parse_int,
            parse_constant=self.parse_constant,
            object_pairs_hook=self.object_pairs_hook,
        )


loads = Reader().loads
