"""JSON without the package `json`, which takes as long to import as a short command runs: its parser and its escapes in C.

Whatever is not plain is left to the package: an error that has to be told, a value that is no JSON, another interpreter.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SPACE = " \t\n\r"
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_WORDS = {None: "null", True: "true", False: "false"}
_INFINITE = (float("inf"), float("-inf"))


class _Plain:
    """What the parser asks for: it makes what `json.loads` makes."""

    strict = True
    object_hook = None
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None
    parse_float: Callable[[str], Any] = float
    parse_int: Callable[[str], Any] = int
    parse_constant: Callable[[str], Any] = _CONSTANTS.__getitem__


def _parser(context: type) -> Any:
    """Return the parser with these hooks; None with another implementation, or a later one."""
    try:
        from _json import make_scanner

        return make_scanner(context)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):
        return None


_EMPTY: dict[str | bytes, Callable[[], Any]] = {"[]": list, "{}": dict}
_scans: list[Any] = []  # made at its first use: its library takes as long to load as ten modules of our own


def loads(given: str | bytes, **hooks: Callable[..., Any]) -> Any:
    """Return what `json.loads` returns, or raise what it raises."""
    if given in _EMPTY and not hooks:
        return _EMPTY[given]()
    text = given if isinstance(given, str) else _decoded(given)
    if not _scans:
        _scans.append(_parser(_Plain))
    scan = _parser(type("_Hooks", (_Plain,), _static(hooks))) if hooks else _scans[0]
    if scan is not None and text is not None:
        inner = text.strip(_SPACE)
        try:
            found, end = scan(inner, 0)
        except (StopIteration, ValueError, SystemError):  # the last: it finds no class for its error
            end = -1
        if end == len(inner):
            return found
    import json

    return json.loads(given, **hooks)  # type: ignore[arg-type]


def _decoded(data: bytes) -> str | None:
    """Return the text of plain UTF-8."""
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _static(hooks: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    return {name: staticmethod(hook) for name, hook in hooks.items()}


class _NotPlain(Exception):
    """A value that the package has to judge."""


def dumps(
    value: Any,
    *,
    indent: int | None = None,
    sort_keys: bool = False,
    ensure_ascii: bool = True,
    allow_nan: bool = True,
    separators: tuple[str, str] | None = None,
) -> str:
    """Return what `json.dumps` returns, or raise what it raises."""
    comma, colon = separators or (", " if indent is None else ",", ": ")
    try:
        from _json import encode_basestring, encode_basestring_ascii, make_encoder

        quote = encode_basestring_ascii if ensure_ascii else encode_basestring
        if indent is None:
            write = make_encoder({}, _refuse, quote, None, colon, comma, sort_keys, False, allow_nan)
            return "".join(write(value, 0))
        return _Writer(quote, comma, colon, indent, _repr, sort_keys=sort_keys).text(value, "\n")
    except (ImportError, RecursionError, SystemError, TypeError, ValueError, _NotPlain):
        import json

        return json.dumps(
            value,
            indent=indent,
            sort_keys=sort_keys,
            ensure_ascii=ensure_ascii,
            allow_nan=allow_nan,
            separators=separators,
        )


def on_lines(value: Any, real: Callable[[float], str]) -> str | None:
    """Return a plain value on lines indented by two, its floats as `real` writes them; None for one that is not plain."""
    try:
        from _json import encode_basestring

        return _Writer(encode_basestring, ",", ": ", 2, real).text(value, "\n")
    except (ImportError, RecursionError, _NotPlain):
        return None


def _refuse(_value: object) -> object:
    raise _NotPlain


def _repr(value: float) -> str:
    if value != value or value in _INFINITE:  # noqa: PLR0124 - NaN
        raise _NotPlain
    return repr(value)


class _Writer:
    """Writes plain values on lines of their own, as the package does it without C too."""

    __slots__ = ("_colon", "_comma", "_indent", "_quote", "_real", "_sorts")

    def __init__(
        self,
        quote: Callable[[str], str],
        comma: str,
        colon: str,
        indent: int,
        real: Callable[[float], str],
        *,
        sort_keys: bool = False,
    ) -> None:
        self._quote = quote
        self._comma = comma
        self._colon = colon
        self._indent = indent
        self._real = real
        self._sorts = sort_keys

    def text(self, value: Any, line: str) -> str:
        """Return a value as JSON; `line` is the end of a line with the space before the next one."""
        kind = type(value)
        if kind is str:
            return self._quote(value)
        if value is None or kind is bool:
            return _WORDS[value]
        if kind is int:
            return repr(value)
        if kind is float:
            return self._real(value)
        inner = line + " " * self._indent
        if kind is dict:
            if not all(type(name) is str for name in value):
                raise _NotPlain
            held = [(name, value[name]) for name in sorted(value)] if self._sorts else value.items()
            parts = [f"{self._quote(name)}{self._colon}{self.text(each, inner)}" for name, each in held]
            return self._within("{", parts, "}", inner, line)
        if kind is list or kind is tuple:
            return self._within("[", [self.text(each, inner) for each in value], "]", inner, line)
        raise _NotPlain

    def _within(self, opening: str, parts: list[str], closing: str, inner: str, line: str) -> str:
        if not parts:
            return opening + closing
        return f"{opening}{inner}{f'{self._comma}{inner}'.join(parts)}{line}{closing}"
