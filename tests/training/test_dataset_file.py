"""What is opened as a dataset: a regular file, and nothing that the kernel makes up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.errors import Missing
from runforge.training.dataset_file import open_dataset
from tests.training.kit import Run


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/proc/self/environ",
            "/proc/self/mem",
            "/proc/version",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ),
        *("/dev/zero", "/dev/null", "/dev/stdin", "/proc/self/fd/0", "/dev"),
    ],
)
@pytest.mark.parametrize("by", ["link", "folder"])
def test_nothing_of_the_kernels_is_a_dataset(tmp_path: Path, target: str, by: str) -> None:
    if by == "folder":
        (tmp_path / "in").symlink_to(Path(target).parent)
        path = tmp_path / "in" / Path(target).name
    else:
        path = tmp_path / "d.csv"
        path.symlink_to(target)
    with pytest.raises(Missing):
        open_dataset(path)


def test_nor_where_it_is_mounted_elsewhere(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to mount with")
    code = (
        f"mount -t proc none {tmp_path} && {sys.executable} -c 'import sys, pathlib\n"
        "from runforge.training.dataset_file import open_dataset\n"
        "open_dataset(pathlib.Path(sys.argv[1]))' "
        f"{tmp_path}/version"
    )
    words = ["unshare", "--mount", "--pid", "--fork", "--map-root-user", "--user", "sh", "-c"]
    tried = subprocess.run([*words, f"mount -t proc none {tmp_path}"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("no file system may be mounted here")
    done = subprocess.run([*words, code], capture_output=True, text=True, check=False)
    assert "leads into /proc" in done.stderr


def test_a_disk_in_memory_is_for_workspaces_that_lie_there() -> None:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as in_memory,
        tempfile.TemporaryDirectory(dir="/tmp") as on_disk,
    ):
        (Path(in_memory) / "real.csv").write_text("a,b\n")
        (Path(in_memory) / "d.csv").symlink_to("real.csv")
        open_dataset(Path(in_memory) / "d.csv").close()
        (Path(on_disk) / "d.csv").symlink_to(Path(in_memory) / "real.csv")
        with pytest.raises(Missing, match="leads into"):
            open_dataset(Path(on_disk) / "d.csv")


def test_a_link_to_a_file_elsewhere_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"\xef\xbb\xbfa,b\n")
    (tmp_path / "d.csv").symlink_to(tmp_path / "real.csv")
    with open_dataset(tmp_path / "d.csv") as stream:
        assert stream.read() == "a,b\n"


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "self.csv").symlink_to("self.csv")
    for name, words in (
        ("none.csv", "not found"),
        ("pipe.csv", "not a regular file"),
        (".", "not a regular file"),
        ("self.csv", "cannot be read"),
    ):
        with pytest.raises(Missing, match=words):
            open_dataset(tmp_path / name)


@pytest.mark.parametrize("payload", [{}, {"dry_run_seconds": 0.0}], ids=["training", "dry run"])
@pytest.mark.parametrize("target", ["environment", "file"])
def test_a_file_that_is_swapped_for_a_link_gives_nothing_away(
    execute: Callable[..., Run], workspace: Path, tmp_path: Path, payload: dict[str, Any], target: str
) -> None:
    path = workspace / "data" / "train.csv"
    path.unlink()
    (tmp_path / "keys").write_text("API_KEY=hunter2SECRET,second\nmore,1\n")
    path.symlink_to("/proc/self/environ" if target == "environment" else tmp_path / "keys")
    run = execute(**payload)
    assert run.code == 1
    kept = run.log + (run.folder / "result.json").read_text()
    assert "hunter2" not in kept
    assert "PATH=" not in kept
