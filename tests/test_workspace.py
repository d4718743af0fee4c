"""Where a workspace is, and which folder is refused as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge import workspace
from runforge.errors import Missing


def test_a_workspace_is_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".runforge").mkdir(mode=0o700)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.delenv("RUNFORGE_WORKSPACE", raising=False)
    assert workspace.find(None).root == tmp_path.resolve()


def test_a_workspace_that_others_may_write_or_that_is_a_link_is_refused(tmp_path: Path) -> None:
    hidden = tmp_path / ".runforge"
    hidden.mkdir(mode=0o700)
    hidden.chmod(0o777)
    with pytest.raises(Missing, match="written by other users"):
        workspace.at(tmp_path)
    hidden.rmdir()
    hidden.symlink_to(tmp_path)
    with pytest.raises(Missing, match="symbolic link"):
        workspace.at(tmp_path)
