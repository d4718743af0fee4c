"""A log as numbered lines: large, growing, replaced, hostile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runforge.views.line_index import BLOCK, LineIndex
from runforge.views.log_file import LogFile


def complete(log: LogFile) -> LogFile:
    while log.refresh():
        pass
    return log


def lines_of(log: LogFile) -> list[str]:
    return [log.line(i) for i in range(log.line_count)]


@pytest.mark.parametrize(
    "text", ["", "one", "one\n", "one\ntwo", "\n\n", "a\n\nb\n", "x" * 300_000 + "\ny\n"]
)
def test_lines_are_those_of_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log"
    path.write_text(text)
    log = complete(LogFile(path))
    expected = [line[: 16 * 1024] + ("…" if len(line) > 16 * 1024 else "") for line in text.splitlines()]
    assert lines_of(log) == expected
    log.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_growth_in_any_pieces_gives_the_same_lines(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "log"
    text = b"one\ntwo\n\nthree\nfour"
    log = LogFile(path)
    assert not log.refresh()
    for start in range(0, len(text), cut):
        with path.open("ab") as more:
            more.write(text[start : start + cut])
        assert log.refresh()
        assert not log.refresh()
    assert lines_of(log) == ["one", "two", "", "three", "four"]
    log.close()


def test_the_end_of_a_large_log_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as out:
        out.writelines(f"line {i:07d} {'.' * 80}\n" for i in range(300_000))
    log = LogFile(path)
    assert log.refresh()
    assert log.line_count < 5000
    assert log.line(log.line_count - 1).startswith("line 0299999")
    assert not log.is_complete
    complete(log)
    assert log.is_complete
    assert log.line_count == 300_000
    assert [log.line(i)[:12] for i in (0, 123_456, 299_999)] == [
        "line 0000000",
        "line 0123456",
        "line 0299999",
    ]
    assert log.find("LINE 0000042", 0) == 42
    assert log.find("line 0000042", 299_999, backwards=True) == 42
    assert log.find("line 0000042", 43) is None
    assert log.find("nowhere", 0) is None
    log.close()


def test_truncated_replaced_and_deleted_logs(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\nold\nold\n")
    log = complete(LogFile(path))
    path.write_text("new\n")
    assert log.refresh()
    assert lines_of(log) == ["new"]
    other = tmp_path / "other"
    other.write_text("another\nfile\n")
    os.replace(other, path)
    assert log.refresh()
    assert lines_of(log) == ["another", "file"]
    path.unlink()
    assert log.refresh()
    assert (log.line_count, log.line(0)) == (0, "")
    assert not log.refresh()
    path.write_text("back\n")
    assert log.refresh()
    assert lines_of(log) == ["back"]
    log.close()


@pytest.mark.parametrize("what", ["link", "fifo", "folder", "device"])
def test_only_regular_files_are_read(tmp_path: Path, what: str) -> None:
    path = tmp_path / "log"
    if what == "link":
        path.symlink_to("/etc/passwd")
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    log = LogFile(path)
    assert not log.refresh()
    assert log.line_count == 0


def test_what_a_terminal_would_obey_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(
        b"\x1b[31mred\x1b[0m \x1b]2;x\x07\x9b\n10%\r50%\r99%\n\xff\xfe\x00\n" + "\u202e日本\n".encode()
    )
    log = complete(LogFile(path))
    assert lines_of(log) == [
        "red \\x1b]2;x\\x07\ufffd",
        "99%",
        "\ufffd\ufffd\\x00",
        "\\u202e日本",
    ]
    log.close()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = tmp_path / "log"
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        path.unlink(missing_ok=True)
        path.write_text(f"{number}\n")
        log = LogFile(path)
        complete(log)
        log.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("end", [b"", b"after\n" * 200_000])
def test_a_line_of_many_megabytes_is_one_line(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n" + b"x" * 20_000_000 + b"\n" + end)
    log = complete(LogFile(path))
    assert log.line_count == 2 + end.count(b"\n")
    assert (log.line(0), log.line(1)) == ("before", "x" * 16 * 1024 + "…")
    log.close()


def test_of_a_long_progress_bar_the_last_state_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"start\n" + b"".join(b"\r%6d/100000" % number for number in range(100_000)))
    log = complete(LogFile(path))
    assert lines_of(log) == ["start", " 99999/100000"]
    with path.open("ab") as more:
        more.write(b"\r100000/100000\r\ndone\r\n")
    assert log.refresh()
    assert lines_of(log) == ["start", "100000/100000", "done"]
    log.close()


def test_what_comes_in_front_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %07d\n" % number for number in range(1_500_000)))
    log = LogFile(path)
    log.refresh()
    last = log.line_count - 1
    while not log.is_complete:
        before = log.shifted
        assert log.refresh()
        last += log.shifted - before
        assert log.line(last) == "line 1499999"
    assert last == 1_499_999
    log.close()


def test_a_search_covers_what_is_not_taken_in_yet(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"needle\n" + b"hay\n" * 3_000_000 + "Überlauf\n\n".encode())
    log = LogFile(path)
    log.refresh()
    assert log.find("needle", log.line_count - 1, backwards=True) == 0
    assert log.is_complete
    assert log.find("ÜBERLAUF", 1) == 3_000_001
    assert log.find("überlauf", 3_000_002, backwards=True) == 3_000_001
    assert log.find("", 0) is None
    log.close()


def test_a_match_across_two_pieces_of_the_file_is_found(tmp_path: Path) -> None:
    path, piece = tmp_path / "log", 4 * 1024 * 1024
    path.write_bytes(b"\n" * (piece - 3) + b"needle" + b"\n" * piece)
    log = complete(LogFile(path))
    assert log.find("needle", 0) == piece - 3
    assert log.find("needle", log.line_count - 1, backwards=True) == piece - 3
    log.close()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from([b"", b"a", b"\n", b"\n\n", b"x" * 70_000, b"ab\n" * 22_000]), max_size=8),
    st.integers(0, 3),
)
def test_the_index_agrees_with_splitting(pieces: list[bytes], skip: int) -> None:
    data = b""

    def read(at: int, length: int) -> bytes:
        return data[at : at + length]

    index = LineIndex(read, skip * BLOCK)
    for piece in (b"\n".join([b"y" * BLOCK] * skip), b"z", *pieces):
        data += piece
        while index.append(len(data), 100_000):
            pass
    while index.begin:
        index.prepend(BLOCK)
    expected = data.split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected
    spans = [index.span(line) for line in range(index.line_count)]
    assert [data[start:end] for start, end in spans] == expected
    assert [index.line_at(start) for start, end in spans] == list(range(len(spans)))
