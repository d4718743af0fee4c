"""The SQL of the store: each query has a name and stands in `sql/*.sql`. No SQL text in Python."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def _load(area: str) -> dict[str, str]:
    text = (_FOLDER / f"{area}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


@cache
def query(name: str) -> str:
    """Return the SQL of `area.name`; KeyError if there is none."""
    area, _, short = name.partition(".")
    return _load(area)[short]


def names(area: str) -> list[str]:
    """Return the names of an area's queries, in file order."""
    return list(_load(area))
