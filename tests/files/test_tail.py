"""The end of a file: as much as is asked for, and whole lines only where they are wanted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runforge.files import tail


@pytest.mark.parametrize(
    ("content", "most", "read", "lines"),
    [
        (b"", 4, (b"", True), b""),
        (b"ab\ncd", 5, (b"ab\ncd", True), b"ab\ncd"),
        (b"ab\ncd\n", 5, (b"b\ncd\n", False), b"cd\n"),
        (b"abcdef", 3, (b"def", False), b""),
    ],
)
def test_no_more_than_is_asked_for(
    tmp_path: Path, content: bytes, most: int, read: tuple[bytes, bool], lines: bytes
) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    assert tail.read(path, most) == read
    assert tail.lines(path, most) == lines


def test_what_is_no_file_has_no_lines_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link", "none", "."):
        assert tail.lines(tmp_path / name, 9) == b""
        with pytest.raises(OSError, match=r"."):
            tail.read(tmp_path / name, 9)
