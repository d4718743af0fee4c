"""How a daemon and a pilot speak: two tables, `orders` and `ends`, each with one writer and a place for each slot.

A slot has one order at a time. The next one is written over it when its end has been told. So the tables never grow.
They have their full size from the start: a network file system that remembers sizes and names shows at each opening
what was written into a file, but not always that it has become longer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from runforge.attempts import checked_line
from runforge.attempts.json_fields import Fields
from runforge.files.durable import open_file, read_bounded, write_new

ORDERS, ENDS = "orders", "ends"
#: What the daemon notes of a pilot for a later daemon: the `Terms`, and the pilot's secret.
ABOUT = "pilot.json"
#: A run's id has at most 128 letters; a line of a table fits.
_WIDTH = 512

T = TypeVar("T")


class Order(NamedTuple):
    """An attempt that a pilot is to start, once."""

    #: Never given twice by one pilot's daemons.
    number: int
    run_id: str
    attempt: int
    token: str
    #: Of its spec.
    digest: str
    is_command: bool
    #: The seconds that it may take; None if nobody said.
    limit: float | None
    is_canceled: bool = False


class How:
    """How an order has ended, as far as its pilot knows."""

    #: The attempt's record is written.
    ENDED = "ended"
    #: Its supervisor is gone without a record; what it left has been ended.
    GONE = "gone"
    #: It was not started here, and will not be.
    BACK = "back"


class End(NamedTuple):
    """That an order is over."""

    number: int
    how: str


class Table(Generic[T]):
    """One of the files."""

    def __init__(self, path: Path, places: int, make: Callable[[Fields], T]) -> None:
        self._path = path
        self._make = make
        self._seen = [b""] * places

    def create(self) -> None:
        """Make the file. Raises OSError."""
        write_new(self._path, bytes(_WIDTH * len(self._seen)), durable=False)

    def write(self, place: int, value: NamedTuple) -> None:
        """Put something in a place. It is on its way to the other side when this returns. Raises OSError."""
        data = checked_line.line(value._asdict()).ljust(_WIDTH, b"\0")
        descriptor = open_file(self._path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, data, place * _WIDTH)
        finally:
            os.close(descriptor)

    def news(self) -> Iterator[tuple[int, T]]:
        """Yield the places that were written since the last call; a half-written one comes later. Raises OSError."""
        data = read_bounded(self._path, _WIDTH * len(self._seen))
        for place, seen in enumerate(self._seen):
            now = data[place * _WIDTH : (place + 1) * _WIDTH]
            if now != seen and now.strip(b"\0"):
                value = checked_line.parse(now, self._make)
                if value is not None:
                    self._seen[place] = now
                    yield place, value


def orders(folder: Path, places: int) -> Table[Order]:
    """Return the table that the daemon writes."""
    return Table(folder / ORDERS, places, _order)


def ends(folder: Path, places: int) -> Table[End]:
    """Return the table that the pilot writes."""
    return Table(folder / ENDS, places, _end)


def all_orders(folder: Path) -> list[Order]:
    """Return what stands in a pilot's table of orders; nothing if it cannot be read."""
    with contextlib.suppress(OSError):
        places = os.stat(folder / ORDERS).st_size // _WIDTH
        return [order for _, order in orders(folder, places).news()]
    return []


def _order(fields: Fields) -> Order:
    return Order(
        number=fields.whole("number"),
        run_id=fields.text("run_id"),
        attempt=fields.whole("attempt"),
        token=fields.text("token"),
        digest=fields.text("digest"),
        is_command=fields.flag("is_command"),
        limit=fields.optional("limit", fields.number),
        is_canceled=fields.flag("is_canceled"),
    )


def _end(fields: Fields) -> End:
    return End(fields.whole("number"), fields.text("how"))
