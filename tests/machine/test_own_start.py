"""When this process started is asked of the kernel once, and again in each process that is forked from it."""

from __future__ import annotations

import os

import pytest

from runforge.machine import os_process

pytestmark = pytest.mark.skipif(not os_process.IS_LINUX, reason="reads /proc")


def test_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own = os_process.own_start_ticks()
    assert own == os_process.start_ticks(os.getpid())
    monkeypatch.setattr(os_process, "stat_of", lambda _pid: pytest.fail("asked again"))
    assert os_process.own_start_ticks() == own


def test_what_could_not_be_read_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    os_process._own_start.cache_clear()
    with monkeypatch.context() as full:
        full.setattr(os_process, "stat_of", lambda _pid: [])
        assert os_process.own_start_ticks() is None
    assert os_process.own_start_ticks() == os_process.start_ticks(os.getpid())


def test_a_forked_process_has_a_start_of_its_own() -> None:
    before = os_process.own_start_ticks()
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(theirs, b"%d" % (os_process.own_start_ticks() or 0))
        os._exit(0)
    told = int(os.read(ours, 64))
    assert told == os_process.start_ticks(pid) != before  # not collected yet
    os.waitpid(pid, 0)
    os.close(ours)
    os.close(theirs)
