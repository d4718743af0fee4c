"""Reads JSON from outside strictly: with limits, and with one clear line if it is refused."""

from __future__ import annotations

from runforge import light_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from runforge.errors import RunForgeError

MAX_DEPTH = 32
_INT_LIMIT = 2**63
_INFINITE = (float("inf"), float("-inf"))


class _Refused(ValueError):
    pass


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not allowed")


def _number(text: str) -> float:
    value = float(text)
    if value in _INFINITE:
        raise _Refused(f"the number {text[:40]} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or not -_INT_LIMIT <= int(text) < _INT_LIMIT:
        raise _Refused(f"the number {text[:24]} does not fit into 64 bits")
    return int(text)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Refused(f"the key {key[:60]!r} appears twice")
        found[key] = value
    return found


def parse(
    data: bytes, *, what: str, limit: int, error: type[RunForgeError], where: str = ""
) -> dict[str, Any]:
    """Return the object in the bytes, or raise `error` with what is wrong.

    Refused: over `limit` bytes, not UTF-8, deeper than 32, NaN and infinities, duplicate keys,
    integers beyond 64 bits, lone surrogates and NUL in texts, anything but an object.
    """
    try:
        return _read(data, limit)
    except UnicodeDecodeError as problem:
        raise error(f"the {what} is not UTF-8 (byte {problem.start})", where=where) from None
    except RecursionError:
        message = f"the {what} cannot be accepted: it is nested deeper than {MAX_DEPTH} levels"
        raise error(message, where=where) from None
    except _Refused as problem:
        raise error(f"the {what} cannot be accepted: {problem}", where=where) from None
    except ValueError as problem:
        from json import JSONDecodeError

        if not isinstance(problem, JSONDecodeError):
            raise
        place = f"line {problem.lineno}, column {problem.colno}"
        raise error(f"the {what} is not JSON: {problem.msg} ({place})", where=where) from None


def _read(data: bytes, limit: int) -> dict[str, Any]:
    if len(data) > limit:
        raise _Refused(f"it is larger than {limit // 1024} KiB")
    if not data.strip():
        raise _Refused("it is empty")
    text = data.decode("utf-8").removeprefix("\ufeff")
    value = _load(text)
    if not isinstance(value, dict):
        raise _Refused(f"it is {_kind(value)}, not an object")
    # Without an escape there can be neither NUL nor half of a pair; mostly there is none, and little is nested.
    if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
        _check(value, 1)
    return value


_load = light_json.reader(
    parse_constant=_no_constant, parse_float=_number, parse_int=_integer, object_pairs_hook=_pairs
)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "something else")


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)
        for key in value if isinstance(value, dict) else ():
            _check_text(key)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _Refused("a text contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _Refused("a text contains half of a surrogate pair") from None


def dump(document: dict[str, Any]) -> bytes:
    """Return a document as UTF-8 JSON, indented by two. ValueError for NaN or infinity."""
    text = light_json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"
