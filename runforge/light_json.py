"""Reads JSON without the package `json`, which takes as long to import as a short command runs: its parser in C alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\n\r"
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class _Plain:
    """What the parser asks for: it makes what `json.loads` makes."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = _CONSTANTS.__getitem__


def _made() -> Any:
    try:
        from _json import make_scanner

        scan = make_scanner(_Plain)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):  # another implementation, or a later one
        return None
    return scan


_scan = _made()


def loads(text: str) -> Any:
    """Return what `json.loads` returns, or raise what it raises."""
    if _scan is not None:
        inner = text.strip(_SPACE)
        try:
            found, end = _scan(inner, 0)
        except (StopIteration, ValueError):
            end = -1
        if end == len(inner):
            return found
    import json

    return json.loads(text)
