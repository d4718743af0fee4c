"""Every drill holds; a broken one is reported; a stop leaves nothing behind."""

from __future__ import annotations

import ctypes
import errno
import json
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runforge.drills import mounts, runner
from runforge.drills.arena import require
from runforge.drills.catalogue import DRILLS, Drill
from runforge.drills.scene import Scene, run
from runforge.drills.traces import processes_of
from tests.conftest import wait_until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", DRILLS)
def test_drill(name: str, cli: Any) -> None:
    done = cli("drill", "--only", name, "--json")
    (result,) = json.loads(done.stdout)["data"]["drills"]
    is_skipped = result["verdict"] == "skipped" and "needs" in result["seen"]
    assert result["verdict"] == "held" or is_skipped, result["seen"]
    assert done.returncode == 0
    assert done.stderr.startswith(f"1/1 {name}: ")


def test_what_cannot_be_played_is_refused(cli: Any) -> None:
    done = cli("drill", "--only", "adoptd")
    assert done.returncode == 2
    assert "no drill is called 'adoptd'. Did you mean 'adopted'?" in done.stderr
    assert done.stdout == ""


def test_the_list_names_every_drill(cli: Any) -> None:
    done = cli("drill", "--list")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == list(DRILLS)


def _wrong(here: Scene, _dice: Random) -> str:
    here.put(run(0.05, 3))
    here.daemon()
    here.until_over()
    here.expect(("succeeded", 1, None))
    return "unreachable"


def _forgetful(here: Scene, _dice: Random) -> str:
    here.put(run(0.05))
    here.daemon()
    here.until_over()
    require(here.ended, "nothing has ended")
    here.witness.write_text(f"START {here.ended[0]} 1\nSTART {here.ended[0]} 1\n")
    return "all is well"


@pytest.mark.parametrize(("play", "seen"), [(_wrong, "exit code 3"), (_forgetful, "I3: ")])
def test_a_broken_promise_is_told(monkeypatch: pytest.MonkeyPatch, play: Any, seen: str) -> None:
    monkeypatch.setattr(runner, "listen", lambda: None)
    monkeypatch.setitem(DRILLS, "wrong", Drill("wrong", "nothing", play))
    (result,) = runner.play(["wrong"], seed=1, keep=False, tell=lambda _: None)
    assert result.verdict == "broken"
    assert seen in result.seen


class _Locked:
    """A C library whose kernel refuses new namespaces, as some containers' do."""

    def unshare(self, _flags: int) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1


def test_what_the_machine_cannot_do_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "listen", lambda: None)
    monkeypatch.setattr(mounts.ctypes, "CDLL", lambda *_, **__: _Locked())
    (result,) = runner.play(["disk-full"], seed=1, keep=False, tell=lambda _: None)
    assert result.verdict == "skipped"
    assert result.seen.startswith("needs root, or user namespaces, to mount a small disk (")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_stopping_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    words = [sys.executable, "-m", "runforge", "drill", "--only", "cancel-alone"]
    process = subprocess.Popen(words, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)})
    witnesses = lambda: list(tmp_path.glob("*/witness.txt"))  # noqa: E731
    wait_until(witnesses, "a run has started")
    assert processes_of(tmp_path)
    process.send_signal(number)
    assert process.wait(timeout=30) == 5
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []
