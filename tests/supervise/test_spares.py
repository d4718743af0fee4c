"""Supervisors that take one attempt after another, and what is released when there is nothing to do."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.attempts import exit_record, start_marker
from runforge.backends.local import launcher
from runforge.backends.local.launcher import Launcher
from runforge.backends.local.zygote_client import ZygoteClient
from runforge.machine import os_process
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, replies


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[ZygoteClient]:
    client = ZygoteClient([], dict(os.environ), tmp_path / "zygote.log")
    client.start()
    yield client
    client.close()


def made(root: Path) -> Attempt:
    root.mkdir()
    return Attempt(root)


def run(zygote: ZygoteClient, attempt: Attempt, code: str, **changes: object) -> int:
    """Run an attempt to its end; return its supervisor's pid."""
    zygote.submit(1, attempt.spec([sys.executable, "-c", code], **changes))
    reply = replies(zygote)
    assert reply.handle is not None
    assert select.select([reply.handle], [], [], 30)[0], "the attempt has not ended"
    os.close(reply.handle)
    owner = start_marker.read(attempt.folder)
    assert owner is not None
    return owner.pid


def is_gone(pid: int) -> bool:
    return os_process.start_ticks(pid) is None or os_process.is_zombie(pid)


def test_a_supervisor_takes_the_next_attempt_and_leaves_nothing_of_the_last(
    tmp_path: Path, zygote: ZygoteClient
) -> None:
    first, second = made(tmp_path / "1"), made(tmp_path / "2")
    leave = "import os; os.umask(0); os.chdir('/tmp'); os.environ['LEFT'] = 'x'; print('first'); os._exit(3)"
    look = (
        "import os; m = os.umask(0)\n"
        "print('second', os.getcwd(), oct(m), os.environ.get('LEFT'), os.environ.get('ONE'))"
    )
    pid = run(zygote, first, leave, env={"ONE": "1"}, umask=0)
    assert run(zygote, second, look, umask=0o027) == pid
    ends = [exit_record.read(attempt.folder, attempt.token) for attempt in (first, second)]
    assert [end and end.exit_code for end in ends] == [3, 0]
    assert f"second {second.run_dir} 0o27 None None" in second.log
    assert "first" not in second.log
    assert not first.marked()


def test_an_end_that_nobody_has_heard_yet_is_not_taken_away_by_the_next_attempt(
    tmp_path: Path, zygote: ZygoteClient
) -> None:
    first, second = made(tmp_path / "1"), made(tmp_path / "2")
    zygote.submit(1, first.spec([sys.executable, "-c", "print(1)"]))
    heard = replies(zygote).handle
    assert heard is not None
    assert select.select([heard], [], [], 30)[0], "the attempt has not ended"
    # Before anybody has looked at the first one's end: another supervisor takes it, and waits.
    go = tmp_path / "go"
    waits = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    zygote.submit(2, second.spec([sys.executable, "-c", waits]))
    handle = replies(zygote).handle
    assert handle is not None
    is_still_told = bool(select.select([heard], [], [], 0)[0])
    go.touch()
    assert select.select([handle], [], [], 30)[0]
    os.close(handle)
    os.close(heard)
    assert is_still_told


def test_a_supervisor_that_was_killed_while_it_waited_is_replaced(
    tmp_path: Path, zygote: ZygoteClient
) -> None:
    pid = run(zygote, made(tmp_path / "1"), "print(1)")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid), "it is gone")
    assert run(zygote, made(tmp_path / "2"), "print(2)") != pid


def test_a_supervisor_without_a_record_takes_no_other_attempt(tmp_path: Path, zygote: ZygoteClient) -> None:
    attempt = made(tmp_path / "1")
    start_marker.revoke(attempt.folder, attempt.token)
    zygote.submit(1, attempt.spec([sys.executable, "-c", "print('never')"]))
    reply = replies(zygote)
    assert reply.handle is not None
    assert select.select([reply.handle], [], [], 30)[0]
    assert os.read(reply.handle, 10) == b""
    os.close(reply.handle)
    assert attempt.log == ""


def test_supervisors_that_wait_end_with_the_daemon_and_when_released(
    tmp_path: Path, zygote: ZygoteClient
) -> None:
    pid = run(zygote, made(tmp_path / "1"), "print(1)")
    assert not is_gone(pid)
    zygote.release()
    wait_until(lambda: is_gone(pid), "the released one has ended")
    pid = run(zygote, made(tmp_path / "2"), "print(2)")
    zygote.close()
    wait_until(lambda: is_gone(pid), "it has ended with the daemon's end of the line")


def test_an_idle_daemon_lets_the_warm_zygote_go(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ws.prepare()
    both = Launcher(ws, [], max_parallel=1, umask=0o022)
    both.start()
    try:
        assert len(both.zygotes) == 2
        assert not both.is_release_due()
        warm = both.zygotes[1]._process
        assert isinstance(warm, subprocess.Popen)
        monkeypatch.setattr(launcher, "WARM_SECONDS", -1.0)
        assert both.is_release_due()
        both.release_idle()
        assert len(both.zygotes) == 1
        assert warm.returncode is not None
        assert not both.is_release_due()
    finally:
        both.close()
