"""The last lines of a log, whatever a program has written there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runforge.views.log_end import last_lines


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (b"", ""),
        (b"one\nRuntimeError: no memory\n\n  \n[RF:STAGE=FAILED]\n", "RuntimeError: no memory"),
        (b"10%\r50%\rKilled", "Killed"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07\n", "red \\x1b]0;title\\x07"),
        (b"x\n\xff\xfe\n", "\ufffd\ufffd"),
        (b"[RF:STAGE=FAILED]\n", ""),
    ],
)
def test_the_last_line_that_says_something(tmp_path: Path, log: bytes, expected: str) -> None:
    (tmp_path / "logs.txt").write_bytes(log)
    assert last_lines(tmp_path, 1) == ([expected] if expected else [])


def test_of_a_large_log_only_the_end_is_read_and_whole_lines_are_shown(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert last_lines(tmp_path, 3) == ["line 99997", "line 99998", "line 99999"]
    (tmp_path / "logs.txt").write_text("x" * 100_000)
    assert set(last_lines(tmp_path, 1)[0]) <= {"x", "…"}


def test_no_log_a_link_and_a_pipe_say_nothing(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "gone", 9) == []
    os.mkfifo(tmp_path / "logs.txt")
    assert last_lines(tmp_path, 9) == []
