"""The SQL of the store: each query has a name and is in `sql/*.sql`. No SQL text in Python."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"
_MARK = "-- name: "


@cache
def _load(area: str) -> dict[str, str]:
    text = (_FOLDER / f"{area}.sql").read_text("utf-8")
    found = {}
    for part in f"\n{text}".split(f"\n{_MARK}")[1:]:
        name, _, body = part.partition("\n")
        found[name] = body.strip()
    return found


@cache
def query(name: str) -> str:
    """Return the SQL of `area.name`; KeyError if there is none."""
    area, _, short = name.partition(".")
    return _load(area)[short]


def names(area: str) -> list[str]:
    """Return the names of an area's queries, in file order."""
    return list(_load(area))
