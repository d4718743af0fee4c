"""The packages of a run's interpreter are noted: from the names of their folders, once for each content."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

import pytest

from runforge.attempts import packages as installed
from runforge.supervise.packages import _prefix
from tests.supervise.kit import Attempt


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with two packages and something else beside them."""
    prefix = tmp_path / "venv"
    site = prefix / "lib" / "python3.11" / "site-packages"
    for name in ("foo_bar-1.2.dist-info", "baz-0.1rc1+cu12.dist-info", "foo_bar", "broken.egg"):
        (site / name).mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to(sys.executable)
    tool = prefix / "bin" / "tool"
    tool.write_text("#!/bin/sh\nexit 0\n", "ascii")
    tool.chmod(0o755)
    return prefix


def attempt(tmp_path: Path, name: str) -> Attempt:
    (tmp_path / ".runforge").mkdir(exist_ok=True)
    (tmp_path / name).mkdir()
    return Attempt(tmp_path / name)


def test_a_run_in_an_environment_has_its_packages_kept_once(tmp_path: Path, venv: Path) -> None:
    for name in ("a", "b"):
        one = attempt(tmp_path, name)
        one.start_spec(one.spec([str(venv / "bin" / "tool")], workspace=str(tmp_path)))
        record = one.wait()
        assert record is not None
        assert record.exit_code == 0
        assert installed.read(tmp_path, one.folder) == {"foo_bar": "1.2", "baz": "0.1rc1+cu12"}
    assert len(list(installed.folder_of(tmp_path).iterdir())) == 1


def test_the_packages_of_this_interpreter(tmp_path: Path) -> None:
    one = attempt(tmp_path, "a")
    one.run("pass", workspace=str(tmp_path))
    known = {name.lower().replace("-", "_"): v for name, v in installed.read(tmp_path, one.folder).items()}
    assert known["pytest"] == metadata.version("pytest")


def test_an_active_environment_counts_for_other_programs(tmp_path: Path, venv: Path) -> None:
    path = os.environ["PATH"]
    assert _prefix("sh", tmp_path, {"PATH": "/usr/bin", "VIRTUAL_ENV": str(venv)}) == venv
    assert _prefix("tool", tmp_path, {"PATH": f"{venv}/bin:{path}"}) == venv
    assert _prefix("venv/bin/tool", tmp_path, {}) == venv
    assert _prefix("nothing-like-it", tmp_path / "none", {"PATH": path}) is None


def test_where_nothing_can_be_kept_the_run_goes_on(tmp_path: Path, venv: Path) -> None:
    one = attempt(tmp_path, "a")
    installed.folder_of(tmp_path).write_text("in the way", "ascii")
    one.start_spec(one.spec([str(venv / "bin" / "tool")], workspace=str(tmp_path)))
    record = one.wait()
    assert record is not None
    assert record.exit_code == 0
    assert installed.read(tmp_path, one.folder) == {}


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "0" * 64, "\x00\xff"])
def test_a_name_that_names_no_list_means_nothing_is_known(tmp_path: Path, text: str) -> None:
    (tmp_path / installed.NAME).write_text(text, "latin-1")
    installed.folder_of(tmp_path).mkdir(parents=True)
    (installed.folder_of(tmp_path) / f"{'0' * 64}.json").write_text("[1, 2]", "ascii")
    assert installed.read(tmp_path, tmp_path) == {}
