"""The program in a fork, on a terminal of its own: dozens of calls a second.

The forks are those of a small process that has the program imported and nothing else. A fork of the tests' own
process, with all that they import, costs ten times as much.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import runforge

#: Not imported before the fork: what starts by itself, and what brings scikit-learn or Optuna. No refusal needs any of
#: them, and Optuna may not be installed.
_LATER = ("runforge.__main__", "runforge.training.warmup", "runforge.sampler.tpe")
_SECONDS = 30.0


class Forks:
    """The small process, seen from the tests."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def on_terminal(self, *words: str, cwd: Path | None = None) -> tuple[int, str]:
        """Return the exit code of `runforge WORDS`, and all that it wrote to its terminal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([words, str(cwd or "/")]) + "\n")
        self._process.stdin.flush()
        code, said = json.loads(self._process.stdout.readline())
        return code, said


@contextmanager
def forks() -> Iterator[Forks]:
    """Start the small process, and end it."""
    command = [sys.executable, "-m", "tests.security.forked"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Forks(process)


def _serve() -> None:
    for module in pkgutil.walk_packages(runforge.__path__, "runforge."):
        if module.name not in _LATER:
            importlib.import_module(module.name)
    gc.freeze()  # a fork then shares its pages for longer
    for line in sys.stdin:
        words, cwd = json.loads(line)
        print(json.dumps(_on_terminal(words, cwd)), flush=True)


def _on_terminal(words: list[str], cwd: str) -> tuple[int, str]:
    pid, master = pty.fork()
    if pid == 0:
        _be_the_program(words, cwd)
    said = bytearray()
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            chunk = os.read(master, 65536)
        except OSError:  # it has gone
            chunk = b""
        if not chunk:
            break
        said += chunk
    else:
        os.kill(pid, 9)
    os.close(master)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, said.decode("utf-8", "surrogateescape")


def _be_the_program(words: list[str], cwd: str) -> NoReturn:
    code = 70
    try:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        os.environ.update(TERM="xterm-256color", COLUMNS="100")
        os.chdir(cwd)
        sys.argv = ["runforge", *words]
        importlib.import_module("runforge.cli.main").main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
