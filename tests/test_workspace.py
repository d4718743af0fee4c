"""Where a workspace is, and which folder is refused as one."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o707, 0o702])
def test_a_workspace_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    hidden = tmp_path / ".runforge"
    hidden.mkdir()
    hidden.chmod(mode)
    with pytest.raises(Missing, match="written by other users"):
        workspace.at(tmp_path)
    hidden.chmod(0o755)
    assert workspace.at(tmp_path).hidden == hidden


def test_a_workspace_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".runforge").mkdir(mode=0o700)
    me = os.stat(tmp_path).st_uid
    for name in ("getuid", "geteuid"):
        monkeypatch.setattr(os, name, lambda: me + 1)
    with pytest.raises(Missing, match=f"uid {me}"):
        workspace.at(tmp_path)


def test_a_workspace_that_is_a_link_is_refused(tmp_path: Path) -> None:
    hidden = tmp_path / ".runforge"
    hidden.symlink_to(tmp_path)
    with pytest.raises(Missing, match="symbolic link"):
        workspace.at(tmp_path)
