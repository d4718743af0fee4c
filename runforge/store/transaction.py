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

    def lists(self, name: str, columns: tuple[str, ...], /, **values: object) -> list[list[Any]]:
        """Return these columns of a named query's rows, as lists: for very many rows.

        They are read as one text. Row by row takes twice as long, and a thread that reads so beside a busy one asks for
        the interpreter's lock at each row, which slows both of them.
        """
        from runforge import light_json  # few commands read so many

        rows = f"({query(name).strip().rstrip(';')})"
        text = f"SELECT json_group_array(json_array({', '.join(columns)})) FROM {rows}"  # noqa: S608 - names of ours
        return list(light_json.loads(self._connection.execute(text, values).fetchall()[0][0]))

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
