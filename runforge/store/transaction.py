"""What a block inside a transaction, or on a snapshot, may do: run the store's named queries."""

from __future__ import annotations

from runforge.store.queries import query as query  # noqa: PLC0414 - the bench counts its calls

TYPE_CHECKING = False  # commands that are called all day take a snapshot
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Transaction:
    """An open transaction or snapshot: runs the store's named queries."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, name: str, /, **values: object) -> int:
        """Execute a named statement; return how many rows it changed."""
        return int(self._connection.execute(query(name), values).rowcount)

    def row(self, name: str, /, **values: object) -> Any:
        """Return the first row of a named query, or None."""
        rows = self._connection.execute(query(name), values).fetchall()
        return rows[0] if rows else None

    def rows(self, name: str, /, **values: object) -> list[Any]:
        """Return all rows of a named query. No cursor stays open: it would keep the WAL from shrinking."""
        return list(self._connection.execute(query(name), values).fetchall())

    def each(self, name: str, /, **values: object) -> Rows:
        """Read the rows of a named query one by one, in a `with` block: for more of them than fit into the memory."""
        return Rows(self._connection.execute(query(name), values))


class Rows:
    """The rows of a query while its block runs; then the cursor is closed."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __enter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __exit__(self, *_error: object) -> None:
        self._cursor.close()
