"""The tables by which a daemon and a pilot speak."""

from __future__ import annotations

from pathlib import Path

from runforge.backends.slurm import pilot_files
from runforge.backends.slurm.pilot_files import End, How, Order

_LONG = "a" * 128
ORDER = Order(7, _LONG, 12, "t" * 32, "d" * 64, is_command=True, limit=86400.5)


def test_each_side_sees_what_is_new_once(tmp_path: Path) -> None:
    written, read = pilot_files.orders(tmp_path, 3), pilot_files.orders(tmp_path, 3)
    written.create()
    size = (tmp_path / "orders").stat().st_size
    assert list(read.news()) == []
    written.write(2, ORDER)
    assert list(read.news()) == [(2, ORDER)]
    assert list(read.news()) == []
    written.write(2, ORDER._replace(is_canceled=True))
    written.write(0, ORDER._replace(number=8, limit=None))
    assert list(read.news()) == [
        (0, ORDER._replace(number=8, limit=None)),
        (2, ORDER._replace(is_canceled=True)),
    ]
    assert (tmp_path / "orders").stat().st_size == size, "it never grows, so that nobody sees an old size"


def test_a_half_written_place_is_not_seen(tmp_path: Path) -> None:
    table = pilot_files.ends(tmp_path, 1)
    table.create()
    table.write(0, End(3, How.ENDED))
    path = tmp_path / "ends"
    whole = path.read_bytes()
    path.write_bytes(whole[:20] + bytes(len(whole) - 20))
    assert list(table.news()) == []
    path.write_bytes(whole)
    assert list(table.news()) == [(0, End(3, How.ENDED))]


def test_what_stands_in_a_table(tmp_path: Path) -> None:
    assert pilot_files.all_orders(tmp_path) == []
    table = pilot_files.orders(tmp_path, 4)
    table.create()
    table.write(3, ORDER)
    assert pilot_files.all_orders(tmp_path) == [ORDER]
