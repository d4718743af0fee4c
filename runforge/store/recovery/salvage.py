"""Reads what is readable in a damaged journal, row by row, and skips damaged pages.

It reads only a copy and writes nothing. The names of tables and keys below come from the schema, so there is
SQL text in this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runforge.store.sqlite import DatabaseError, sqlite

#: Tables with row numbers: a scan can jump over a damaged page.
_NUMBERED = {"daemon": "one", "lanes": "lane_id", "shapes": "shape_id", "jobs": "seq", "journal": "seq"}
#: Tables without row numbers: read from both ends of their key up to the damage.
_KEYED = {
    "groups": "group_id",
    "attempts": "job_id, attempt",
    "dependencies": "job_id, parent, condition",
    "sweeps": "group_id",
}
_CHUNK = 64
#: This many row numbers after the last readable row are tried one by one, then in larger and larger steps.
_CLOSE = 256
Row = dict[str, Any]


def read(path: Path, ids: dict[str, list[str]]) -> dict[str, list[Row]]:
    """Return the readable rows of each table of a damaged journal.

    `ids` are known keys, for the tables that are read by key.
    """
    found: dict[str, list[Row]] = {table: [] for table in (*_NUMBERED, *_KEYED)}
    try:
        connection = sqlite.connect(str(path), isolation_level=None)
    except DatabaseError:
        return found
    connection.row_factory = sqlite.Row
    # An index may be damaged when its table is not: rows are read only by their numbers.
    try:
        for table, key in _NUMBERED.items():
            found[table] = _numbered(connection, table, key)
        of_rows = {
            "attempts": [row["job_id"] for row in found["jobs"]],
            "dependencies": [row["job_id"] for row in found["jobs"]],
            "groups": [row["group_id"] for row in (*found["jobs"], *found["journal"])],
        }
        of_rows["sweeps"] = of_rows["groups"]
        for table, key in _KEYED.items():
            wanted = {value for value in (*of_rows[table], *ids.get(table, ())) if isinstance(value, str)}
            found[table] = _keyed(connection, table, key, sorted(wanted))
    finally:
        connection.close()
    return found


def _rows(connection: Any, statement: str, values: tuple[int | str, ...] = ()) -> list[Row] | None:
    try:
        return [dict(row) for row in connection.execute(statement, values).fetchall()]
    except (DatabaseError, ValueError, OverflowError):
        return None


def _numbered(connection: Any, table: str, key: str) -> list[Row]:
    statement = f"SELECT * FROM {table} NOT INDEXED WHERE {key} >= ? ORDER BY {key} LIMIT ?"  # noqa: S608
    last = _last(connection, table, key)
    found: list[Row] = []
    at, chunk, failures = 0, _CHUNK, 0
    while at <= last:
        rows = _rows(connection, statement, (at, chunk))
        if rows:
            found += rows
            at, chunk, failures = rows[-1][key] + 1, _CHUNK, 0
        elif rows is not None:
            break
        elif chunk > 1:
            chunk = 1
        else:
            failures += 1
            at += 1 if failures < _CLOSE else failures
    return found


def _last(connection: Any, table: str, key: str) -> int:
    for statement in (
        f"SELECT max({key}) AS last FROM {table} NOT INDEXED",  # noqa: S608
        f"SELECT seq AS last FROM sqlite_sequence WHERE name = '{table}'",  # noqa: S608
    ):
        rows = _rows(connection, statement)
        if rows and rows[0]["last"] is not None:
            return int(rows[0]["last"])
    return -1


def _keyed(connection: Any, table: str, key: str, values: list[str]) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    columns = [column.strip() for column in key.split(",")]
    is_whole = False
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in columns)
        try:
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608
                found.setdefault(tuple(row[column] for column in columns), dict(row))
            is_whole = True
        except (DatabaseError, ValueError, OverflowError):
            continue  # the other end may give more
    if not is_whole:  # rows between two damaged pages can be reached only by their key
        for value in values:
            rows = _rows(connection, f"SELECT * FROM {table} WHERE {columns[0]} = ?", (value,))  # noqa: S608
            for row in rows or ():
                found.setdefault(tuple(row[column] for column in columns), row)
    return list(found.values())
