"""Text from outside, ids, workspaces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge import ids, workspace
from runforge.core.states import TRANSITIONS, State, group_status
from runforge.errors import InvalidRequest, Missing
from runforge.files.durable import read_bounded, write_atomic
from runforge.store.filesystems import filesystem_of, is_network, require_local
from runforge.text import safe, safe_log

HOSTILE = ["\x1b]52;c;UFdORUQ=\x07", "\x9b2J", "\x00", "a\u202eb", "\u2028", "\ud800", "\r", "\x7f"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_unprintable_gets_through(text: str) -> None:
    shown = safe(f"x{text}y")
    assert shown.isprintable()
    assert shown.encode("utf-8")


@given(st.text())
def test_safe_text_is_one_printable_line(text: str) -> None:
    shown = safe(text)
    assert "\n" not in shown
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)


def test_a_log_keeps_its_lines_and_the_last_state_of_a_progress_bar() -> None:
    assert safe_log("10%\r50%\r100%\nnext\tline\x1b[31m\n") == "100%\nnext\tline\\x1b[31m\n"


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-dash", "a..b", "x" * 129, "a\n", "ü"])
def test_identifiers_from_outside_are_checked(name: str) -> None:
    with pytest.raises(InvalidRequest):
        ids.checked(name, what="run id")


def test_ids_have_the_contracts_shape() -> None:
    now = "2026-11-23T17:05:09.123Z"
    assert ids.job_id(now, 7) == "job_20261123_170509_0007"
    assert ids.sweep_run_id(now, 12345) == "20261123-170509-sweep-12345"
    assert ids.group_id(now, "my sweep: the very long one") == "grp_20261123_170509_my_sweep__the_very_l"


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


def test_network_file_systems_are_refused_with_the_way_out(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:40 / /home/ada\\040l rw - nfs4 server:/home rw\n"
    )
    assert filesystem_of(Path("/home/ada l/work"), mounts) == "nfs4"
    assert filesystem_of(Path("/home/ada"), mounts) == "ext4"
    with pytest.raises(Missing, match="--state-dir"):
        require_local(Path("/home/ada l/work"), mounts)
    assert not is_network("xfs")


def test_a_planted_link_is_replaced_and_never_read(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    target = tmp_path / "queue.json"
    target.symlink_to(victim)
    with pytest.raises(OSError, match="is no regular file"):
        read_bounded(target, 100)
    write_atomic(target, b"new")
    assert (victim.read_text(), target.read_text(), target.is_symlink()) == ("mine", "new", False)
    assert os.stat(target).st_mode & 0o777 == 0o600


def test_no_terminal_state_becomes_succeeded() -> None:
    assert [old for old, new in TRANSITIONS if new is State.SUCCEEDED] == [State.RUNNING]


def test_group_status() -> None:
    none = {"queued": 0, "running": 0, "failed": 0, "canceled": 0, "is_open": False}
    assert group_status(**none, is_canceled=False) == "completed"
    assert group_status(**{**none, "failed": 1}, is_canceled=False) == "failed"
    assert group_status(**{**none, "failed": 1}, is_canceled=True) == "canceled"
    assert group_status(**{**none, "queued": 1}, is_canceled=True) == "running"


def test_an_open_group_runs_until_it_is_canceled() -> None:
    idle = {"queued": 0, "running": 0, "failed": 1, "canceled": 0, "is_open": True}
    assert group_status(**idle, is_canceled=False) == "running"
    assert group_status(**idle, is_canceled=True) == "canceled"
