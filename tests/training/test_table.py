"""CSV as people have it: separators, blank lines, ragged rows, and files that are none."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.errors import InvalidRequest
from runforge.training.table import open_table

_ROWS = [("1.5", "a b", "yes"), ("2", "c", "no")]


def read(path: Path, separator: str | None = None) -> tuple[list[str], str, list[tuple[int, list[str]]]]:
    with open_table(path, separator) as table:
        table.find("label", is_quoting=True)
        return table.names, table.separator, list(table.rows())


def lines(separator: str, *, end: str = "\n") -> str:
    rows = [("size", "note", "label"), *_ROWS]
    return "".join(separator.join(row) + end for row in rows)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_the_separator_is_found(tmp_path: Path, separator: str, end: str) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(lines(separator, end=end).encode("utf-8-sig"))
    names, found, rows = read(path)
    assert (names, found) == (["size", "note", "label"], separator)
    assert rows == [(number, list(row)) for number, row in enumerate(_ROWS, start=2)]


def test_the_separator_is_the_one_that_cuts_the_label_out(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b,c,d;e,f;label\n1;2,2,2;x\n")
    assert read(path)[:2] == (["a,b,c,d", "e,f", "label"], ";")


@pytest.mark.parametrize("separator", [",", ";"])
def test_the_line_with_the_separator_is_no_header(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"sep={separator}\n" + lines(separator))
    names, found, rows = read(path)
    assert (names[0], found, rows[0][0]) == ("size", separator, 3)


def test_a_separator_that_is_given_is_used(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b;label\n1;x\n")
    assert read(path, ";")[0] == ["a,b", "label"]
    with pytest.raises(InvalidRequest, match="separated by a comma"):
        read(path, ",")


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("\n  \n" + lines(",") + "   \n\n")
    assert [number for number, _ in read(path)[2]] == [4, 5]


def test_a_ragged_row_is_named_by_the_line_that_it_begins_in(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text('a,label\n"two\nlines",x\n3,y,9\n')
    with pytest.raises(InvalidRequest, match="line 4 has 3 cells, the header has 2"):
        read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;lable\n1;x\n", r"the columns are a, lable \(separated by a semicolon\).*Did you mean 'lable'"),
        (
            "a label\n1 x\n",
            "the only one is a label. Cells are separated by a comma, a semicolon, a tab or a",
        ),
        ("1.5,2,0\n2.5,3,1\n", "The first line must name the columns"),
        ("label,a,a\nx,1,2\n", "columns 2 and 3 have the same name"),
        ("label\nx\n", "only the label column"),
        ("a,label\n1\0,x\n", "NUL"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=words):
        read(path)


def test_a_single_cell_without_the_label_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("TOKEN=hunter2\n")
    with pytest.raises(InvalidRequest, match="single cell") as caught:
        read(path)
    assert "hunter2" not in str(caught.value)


def test_what_is_kept_quotes_no_header(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("hunter2,other\n1,2\n")
    with open_table(path) as table, pytest.raises(InvalidRequest, match="not one of the 2 columns") as caught:
        table.find("label", is_quoting=False)
    assert "hunter2" not in str(caught.value)


def test_twenty_thousand_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    names = [f"column_{number}" for number in range(20_000)]
    path.write_text(",".join([*names, "label"]) + "\n" + ",".join(["1.5"] * 20_000 + ["x"]) + "\n")
    found, _, rows = read(path)
    assert (len(found), len(rows[0][1])) == (20_001, 20_001)
    with open_table(path) as table, pytest.raises(InvalidRequest, match="Did you mean 'column_19999'"):
        table.find("column_19999x", is_quoting=True)


_ENDLESS = {
    "no line ends": b"a" * 1024,
    "one quoted cell": b'a,label\n"' + b"x" * 1024,
    "a row of lines": b'a,label\n"' + b'x","y\n' * 200,
    "zeros": b"a,label\n\0",
}


@pytest.mark.parametrize("case", _ENDLESS)
def test_a_file_without_an_end_of_a_row_takes_little_memory(tmp_path: Path, case: str) -> None:
    path = tmp_path / "d.csv"
    start = _ENDLESS[case]
    with path.open("wb") as stream:
        stream.write(start)
        if case == "zeros":
            stream.truncate(2**30)
        else:
            stream.writelines([(b'x","y\n' if case == "a row of lines" else b"y" * 6) * 2**17] * 256)
    code = (
        "import pathlib, resource, sys\n"
        "from runforge.errors import InvalidRequest\n"
        "from runforge.training.table import open_table\n"
        "with open_table(pathlib.Path(sys.argv[1])) as table:\n"
        "    try:\n        table.find('label', is_quoting=True), list(table.rows())\n"
        "    except InvalidRequest as error:\n        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (160 * 2**20, 160 * 2**20)),
    )
    assert done.returncode == 0, done.stderr
    assert "does not end within 4 MiB" in done.stdout or "NUL" in done.stdout
