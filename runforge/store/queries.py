"""The SQL of the store: each query has a name and is in `sql/*.sql`. No SQL text in Python."""

from __future__ import annotations

from runforge import bytecode
from runforge.system import os

_FOLDER = os.path.join(os.path.dirname(__file__), "sql")
_MARK = "-- name: "
#: area -> its queries by name, each with the file, and that one's time and size.
_areas: dict[str, dict[str, tuple[str, int, int, str]]] = {}
_queries = bytecode.texts


def _load(area: str) -> dict[str, tuple[str, int, int, str]]:
    if area not in _areas:
        path = f"{_FOLDER}/{area}.sql"
        # Unbuffered and decoded here: the first call of a short command reads seven of these.
        with open(path, "rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            parts = f"\n{file.read().decode()}".split(f"\n{_MARK}")[1:]
        about = path, found.st_mtime_ns, found.st_size
        _areas[area] = {
            name: (*about, body.strip()) for name, _, body in (part.partition("\n") for part in parts)
        }
    return _areas[area]


def query(name: str) -> str:
    """Return the SQL of `area.name`; KeyError if there is none."""
    found = _queries.get(name)
    if found is None:
        area, _, short = name.partition(".")
        found = _queries[name] = _load(area)[short]
    return found[3]


def names(area: str) -> list[str]:
    """Return the names of an area's queries, in file order."""
    return list(_load(area))
