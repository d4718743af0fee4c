"""Where a workspace is, and which folder is refused as one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runforge import workspace
from runforge.errors import Missing
from tests.e2e.test_commands import Cli


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


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> int:
    """This process takes itself for another user than the one that its files belong to; return that one's uid."""
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: 0 if real else 4242)
    return real


def test_a_state_folder_of_somebody_elses_is_refused(tmp_path: Path, other: int) -> None:
    (tmp_path / ".runforge").mkdir(mode=0o700)
    with pytest.raises(Missing, match=f"belongs to another user .*uid {other}"):
        workspace.at(tmp_path)


def test_a_state_folder_elsewhere_is_refused_by_the_same_rule(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "ws", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    with pytest.raises(Missing, match="elsewhere may be written by other users"):
        workspace.at(root, state_dir=elsewhere)
    assert list(root.iterdir()) == []
    elsewhere.chmod(0o700)
    assert workspace.at(root, state_dir=elsewhere).state_dir == elsewhere
    elsewhere.chmod(0o770)
    with pytest.raises(Missing, match="elsewhere may be written by other users"):
        workspace.at(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give folders to somebody else")
class TestRoot:
    """What root may not do in another user's folder."""

    @pytest.fixture
    def theirs(self, tmp_path: Path) -> Path:
        root = tmp_path / "theirs"
        root.mkdir()
        os.chown(root, 4242, 4242)
        return root

    def test_a_queue_of_somebody_elses_is_refused_whatever_is_said(self, theirs: Path, cli: Cli) -> None:
        (theirs / ".runforge").mkdir(mode=0o700)
        os.chown(theirs / ".runforge", 4242, 4242)
        for words in (["queue-status"], ["daemon", "--detach"], ["init", "--new-journal"]):
            place = [theirs] if words[0] == "init" else ["-w", theirs]
            done = cli(*words, *place, RUNFORGE_AS_ROOT="1")
            assert done.returncode == 3
            assert (
                "belongs to another user (uid 4242). Work as that user: `sudo -u #4242 runforge"
                in done.stderr
            )
        assert list((theirs / ".runforge").iterdir()) == []
        assert [path.name for path in theirs.iterdir()] == [".runforge"]

    def test_the_first_step_into_somebody_elses_folder_needs_a_word(self, theirs: Path, cli: Cli) -> None:
        for words in (
            ["init", theirs],
            ["enqueue-run", "--run-id", "x", "-w", theirs],
            ["daemon", "-w", theirs],
        ):
            done = cli(*words)
            assert done.returncode == 3
            assert f"{theirs} belongs to uid 4242; as root RunForge would make" in done.stderr
            assert "RUNFORGE_AS_ROOT=1" in done.stderr
        assert list(theirs.iterdir()) == []
        assert cli("init", theirs, RUNFORGE_AS_ROOT="1").returncode == 0
        # It is root's now, and the word was said.
        assert cli("queue-status", "-w", theirs).returncode == 0
