"""What may stand where a plan or a request is read: refused at once, in one line, whatever it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runforge.cli import samples
from runforge.workspace import Workspace
from tests.e2e.test_commands import fingerprint, refused

pytestmark = pytest.mark.slow

_MEMORY = 400 * 2**20
_LIMITED = ("sh", "-c", f'ulimit -v {_MEMORY // 1024}; exec "$@"', "sh")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**30)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (os.mkfifo, "is not a regular file"),
    "folder": (Path.mkdir, "is not a regular file"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    "loop": (lambda path: path.symlink_to(path), ""),
    "gigabyte": (_sparse, "larger than"),
    "byte order mark": (lambda path: path.write_bytes(b"\xef\xbb\xbf{}"), "version: is missing"),
    "UTF-16": (lambda path: path.write_text("{}", "utf-16"), "UTF-8"),
    "empty": (lambda path: path.write_bytes(b""), "it is empty"),
}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("words", [["enqueue-sweep", "--plan"], ["sweep", "--plan"], ["run", "--request"]])
def test_it_is_refused(ws: Workspace, case: str, words: list[str]) -> None:
    make, reason = FILES[case]
    path = ws.root / "given.json"
    make(path)
    before = {k: v for k, v in fingerprint(ws.root).items() if "given" not in k} if case != "gigabyte" else {}
    done = subprocess.run(
        [*_LIMITED, sys.executable, "-m", "runforge", *words, str(path), "--workspace", str(ws.root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    refused(done, 2 if words[0] == "run" else 6, "given.json", reason)
    path.unlink() if not path.is_dir() or path.is_symlink() else path.rmdir()
    assert case == "gigabyte" or fingerprint(ws.root) == before


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../outside.csv", "data/../../outside.csv", "~/x.csv", "linked", "pipe.csv"],
)
def test_a_dataset_outside_is_refused_naming_its_field(ws: Workspace, path: str) -> None:
    outside = ws.root.parent / "outside.csv"
    outside.write_bytes(samples.training_csv())
    (ws.root / "linked").symlink_to(outside.parent)
    os.mkfifo(ws.root / "pipe.csv")
    request = {**samples.request(), "dataset": {"path": path, "label_column": "label"}}
    (ws.root / "asked.json").write_bytes(samples.encode(request))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "runforge",
            "run",
            "--request",
            str(ws.root / "asked.json"),
            "-w",
            str(ws.root),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode in {2, 3}, done.stdout
    assert path in done.stderr
    assert not (ws.root / "data/model.pkl").exists()
