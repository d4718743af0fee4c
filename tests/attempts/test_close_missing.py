"""An attempt whose folder is missing is closed, so that no launch that comes late can start it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.attempts import build_spec, start_marker
from runforge.attempts.report import find
from runforge.core.outcome import Finding


def test_a_late_launch_finds_the_attempt_taken(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    assert start_marker.close_missing(folder, "token")
    with pytest.raises(FileExistsError):
        build_spec.make_attempt(folder)
    assert not start_marker.claim(folder, "token")
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_a_launch_that_has_just_made_the_folder_cannot_claim_it(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    build_spec.make_attempt(folder)
    assert start_marker.close_missing(folder, "token")
    (folder / "spec.json").write_text("{}")
    assert not start_marker.claim(folder, "token")


def test_a_launched_attempt_is_not_closed(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    build_spec.make_attempt(folder)
    assert start_marker.claim(folder, "token")
    assert not start_marker.close_missing(folder, "token")
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_it_is_judged_the_same_however_often(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    for _ in range(2):
        assert find(folder, "token")[0] is Finding.FOLDER_MISSING
        assert start_marker.close_missing(folder, "token")
