"""A program runs to its end, whatever it reads and prints, and not longer than it may."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from runforge.machine import program_output

pytestmark = pytest.mark.slow

MANY = b"x" * 3_000_000


def run(code: str, given: bytes = b"", seconds: float = 100.0) -> program_output.Output:
    words = [sys.executable, "-S", "-c", f"import os, signal, sys, time; {code}"]
    return program_output.run(words, os.environ, given, time.monotonic() + seconds)


def test_it_gets_its_input_while_it_prints() -> None:
    parts = "iter(lambda: sys.stdin.read(9999), '')"
    both = f"[(sys.stdout.write(part), sys.stderr.write(part)) for part in {parts}]"
    assert run(both, MANY) == (0, MANY, MANY)


def test_how_it_ended_is_told() -> None:
    assert run("raise SystemExit(7)") == (7, b"", b"")
    assert run("os.kill(os.getpid(), 9)").code == -signal.SIGKILL


def test_it_need_not_read_what_it_is_given() -> None:
    assert run("print('done')", MANY).out == b"done\n"


def test_a_program_that_is_not_there_is_an_error_and_leaves_no_descriptor() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        program_output.run(["no-such-program"], os.environ, b"", time.monotonic() + 100)
    assert os.listdir("/proc/self/fd") == before


def test_nothing_is_ignored_in_it_and_it_has_a_group_of_its_own() -> None:
    said = program_output.run(["cat", "/proc/self/status"], os.environ, b"", time.monotonic() + 100)
    ignored = int(said.out.partition(b"SigIgn:")[2].split()[0], 16)
    assert ignored & (1 << (signal.SIGPIPE - 1)) == 0
    assert run("print(os.getpgrp() == os.getpid())").out == b"True\n"


def test_two_run_beside_each_other(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    end = time.monotonic() + 100
    with program_output.Program(["cat", str(pipe), "-"], os.environ) as first:
        said = program_output.run(["sh", "-c", 'echo met >"$1"', "sh", str(pipe)], os.environ, b"", end)
        assert said == (0, b"", b"")
        assert first.output(b"given", end).out == b"met\ngiven"


def test_what_is_not_waited_for_is_ended() -> None:
    before = os.listdir("/proc/self/fd")
    with program_output.Program(["sleep", "600"], os.environ) as program:
        pid = program._pid
    assert not os.path.exists(f"/proc/{pid}")
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    "how",
    ["print(1, flush=True)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "os.close(1); os.close(2)"],
    ids=["it prints", "it does not hear", "it is silent"],
)
def test_it_ends_when_the_time_is_up(tmp_path: Path, how: str) -> None:
    noted = tmp_path / "pid"
    note = f"open({f'{noted}.part'!r}, 'w').write(str(os.getpid())); os.rename({f'{noted}.part'!r}, {str(noted)!r})"
    for seconds in (1.0, 20.0, 100.0):  # a slow machine may not have come so far
        with pytest.raises(program_output.TimeUp):
            run(f"{how}; {note}; time.sleep(600)", seconds=seconds)
        if noted.exists():
            break
    assert not os.path.exists(f"/proc/{noted.read_text()}")
