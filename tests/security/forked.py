"""The program in a fork of the test's process, on a terminal of its own: dozens of calls a second."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from pathlib import Path
from typing import NoReturn

#: Imported once, before the first fork.
from runforge.cli import daemon, direct, doctor, drill, follow, main, program, queue, setup, show, status  # noqa: F401

_SECONDS = 30.0


def on_terminal(*words: str, cwd: Path | None = None) -> tuple[int, str]:
    """Return the exit code of `runforge WORDS`, and all that it wrote to its terminal."""
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


def _be_the_program(words: tuple[str, ...], cwd: Path | None) -> NoReturn:
    code = 70
    try:
        # What the tests' runner has put in their place goes nowhere.
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        os.environ.update(TERM="xterm-256color", COLUMNS="100")
        os.chdir(cwd or "/")
        sys.argv = ["runforge", *words]
        main.main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)
