"""Explains why a program could not be started: often another file is missing than the named one."""

from __future__ import annotations

import errno

from runforge import blocks
from runforge.files import programs
from runforge.system import os

#: The longest first line of a script that the kernel reads.
_FIRST = 256
_ELF = b"\x7fELF"


def reason(program: str, error: Exception, path: str = "", *, is_daemons: bool = True) -> str:
    """Return the explanation for a program or a folder that the kernel has refused.

    `path` is the PATH that was searched, and `is_daemons` whether it is the daemon's own.
    """
    words = getattr(error, "strerror", None) or str(error)
    number = getattr(error, "errno", None)
    if number == errno.ENOENT and not os.path.dirname(program):
        return f"{program}: No such file or directory ({_searched(path, is_daemons=is_daemons)})"
    known = {errno.ENOENT: _missing, errno.ENOEXEC: _no_format}.get(number or 0)
    return f"{program}: {known(program) or words}" if known else f"{program}: {words}"


def _searched(path: str, *, is_daemons: bool) -> str:
    """Say where a program was looked for, and the way out."""
    if is_daemons:
        found = "not in the PATH that the daemon was started with"
        fix = "`runforge submit` keeps the PATH of your shell; or give its full path"
    else:
        found = "not in the PATH of the environment that the run was submitted in"
        fix = "give its full path, or `runforge edit` the run in another environment"
    return f"{found}; {fix}; searched: {programs.shown(path)}"


def _missing(program: str) -> str:
    """Say what is missing: the program, or its interpreter or loader."""
    if _first_bytes(program).startswith(_ELF):
        return "the loader of this program does not exist; was it built for another system?"
    return wrong_first_line(program)


def wrong_first_line(program: str) -> str:
    """Say what is wrong with the first line of a script: its interpreter is not there. Otherwise an empty text."""
    first = _first_bytes(program)
    if not first.startswith(b"#!"):
        return ""
    line = first[2:].split(b"\n", 1)[0]
    words = [os.fsdecode(word) for word in line.split()]
    interpreter = words[0] if words else ""
    if line.endswith(b"\r") and (len(words) == 1 or os.path.basename(interpreter) == "env"):
        return (
            f"the file has Windows line ends, so its first line names the interpreter {words[-1]}\\r, "
            f"which is not there; convert it (`sed -i 's/\\r$//' {os.path.basename(program)}`)"
        )
    if not os.path.isabs(interpreter) or os.path.exists(interpreter):
        return ""
    return f"the interpreter in its first line does not exist: {interpreter}"


def _no_format(program: str) -> str:
    first = _first_bytes(program)
    if not first:
        return "Exec format error: the file is empty"
    if first.startswith(_ELF):
        return "Exec format error: the program was built for another kind of machine"
    return "Exec format error: a script needs a first line with its interpreter, such as #!/bin/sh"


def _first_bytes(path: str) -> bytes:
    """Return the beginning of a regular file, empty if it cannot be read; waits for no pipe."""
    with blocks.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(descriptor, _FIRST)
        finally:
            os.close(descriptor)
    return b""
