"""The SQL of the store: each query has a name and is in `sql/*.sql`. No SQL text in Python."""

from __future__ import annotations

from runforge.system import os

_FOLDER = os.path.join(os.path.dirname(__file__), "sql")
_MARK = "-- name: "
#: area -> its queries by name; the whole name -> its query.
_areas: dict[str, dict[str, str]] = {}
_queries: dict[str, str] = {}


def _load(area: str) -> dict[str, str]:
    if area not in _areas:
        # Unbuffered and decoded here: a short command reads seven of these.
        with open(f"{_FOLDER}/{area}.sql", "rb", buffering=0) as file:
            parts = f"\n{file.read().decode()}".split(f"\n{_MARK}")[1:]
        _areas[area] = {name: body.strip() for name, _, body in (part.partition("\n") for part in parts)}
    return _areas[area]


def query(name: str) -> str:
    """Return the SQL of `area.name`; KeyError if there is none."""
    found = _queries.get(name)
    if found is None:
        area, _, short = name.partition(".")
        found = _queries[name] = _load(area)[short]
    return found


def names(area: str) -> list[str]:
    """Return the names of an area's queries, in file order."""
    return list(_load(area))
