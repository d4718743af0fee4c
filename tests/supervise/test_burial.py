"""An attempt whose folder is missing is closed, so that no launch that comes late can start it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge import launch
from runforge.supervise import claim
from runforge.supervise.judge import VerdictKind, judge


def test_a_late_launch_finds_the_attempt_taken(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    assert claim.bury(folder, "token")
    with pytest.raises(FileExistsError):
        launch.make_attempt(folder)
    assert not claim.claim(folder, "token")
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_a_launch_that_has_just_made_the_folder_cannot_claim_it(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    launch.make_attempt(folder)
    assert claim.bury(folder, "token")
    (folder / "spec.json").write_text("{}")
    assert not claim.claim(folder, "token")


def test_a_launched_attempt_is_not_buried(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    launch.make_attempt(folder)
    assert claim.claim(folder, "token")
    assert not claim.bury(folder, "token")
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_it_is_judged_the_same_however_often(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1"
    for _ in range(2):
        assert judge(folder, "token").kind is VerdictKind.FOLDER_MISSING
        assert claim.bury(folder, "token")
