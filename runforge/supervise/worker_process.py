"""The worker: the process in which the run's own code runs, and how it is cut loose from its parent."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from runforge import failpoints
from runforge.supervise import os_process

_RESET = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
#: Ignored by the interpreter for its own sake; a program of the user's expects the defaults.
_RESET_FOR_EXEC = (signal.SIGPIPE, signal.SIGXFSZ)
_TREE_FD = 3
_ERROR_FD = 4


def resolve(target: str) -> Callable[..., Any]:
    """Return the function that `module:function` names."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def start(spec: dict[str, Any], tree_lock: int) -> tuple[int, int, str | None]:
    """Fork the worker; return its pid, the pipe of what it prints, and why it could not start.

    An exec that fails is told through a pipe that closes on success, so there is no guessing.
    """
    output, output_write = os.pipe()
    errors, errors_write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_worker(spec, parent, output_write, errors_write, tree_lock)
    os.close(output_write)
    os.close(errors_write)
    message = b""
    if spec["argv"] is not None:
        while chunk := os.read(errors, 4096):
            message += chunk
    os.close(errors)
    return pid, output, message.decode("utf-8", "replace") or None


def _be_worker(spec: dict[str, Any], parent: int, output: int, errors: int, tree_lock: int) -> NoReturn:
    code = 1
    try:
        # A group of its own, so that kill(0) hits no supervisor, but the supervisor's session, by which
        # a sweep finds what has shed its environment and its descriptors.
        os.setpgid(0, 0)
        os_process.die_with_parent(parent)
        failpoints.disarm()
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        _arrange_descriptors(output, errors, tree_lock)
        os.umask(spec["umask"])
        if spec["argv"] is not None:
            _exec(spec)
        os.close(_ERROR_FD)
        code = _call(spec)
    except BaseException:  # noqa: BLE001 - the process ends here, whatever it was
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _arrange_descriptors(output: int, errors: int, tree_lock: int) -> None:
    """Leave 0, 1, 2, the tree's lock (inherited by whatever the run starts) and the error pipe."""
    # Duplicates above the targets first, so that no source is overwritten before its turn.
    high = [os.dup(descriptor) for descriptor in (output, tree_lock, errors)]
    while min(high) <= _ERROR_FD:
        high = [os.dup(descriptor) for descriptor in high]
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(high[0], 1)
    os.dup2(high[0], 2)
    os.dup2(high[1], _TREE_FD)
    os.dup2(high[2], _ERROR_FD, inheritable=False)
    for descriptor in _open_descriptors():
        if descriptor > _ERROR_FD:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return list(range(256))


def _environment(spec: dict[str, Any]) -> dict[str, str]:
    return {**os.environ, **spec["env"], "RUNFORGE_TOKEN": spec["token"]}


def _exec(spec: dict[str, Any]) -> NoReturn:
    blamed = spec["cwd"]
    for number in _RESET_FOR_EXEC:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.chdir(blamed)
        blamed = spec["argv"][0]
        os.execvpe(blamed, spec["argv"], _environment(spec))  # noqa: S606 - no shell is the point
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        os.write(_ERROR_FD, f"{blamed}: {reason}".encode("utf-8", "backslashreplace"))
    os._exit(127)


def _call(spec: dict[str, Any]) -> int:
    os.environ.update(_environment(spec))
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            open(descriptor, "wb", closefd=False),  # noqa: SIM115
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )
        setattr(sys, name, stream)
    os.chdir(spec["cwd"])
    return int(resolve(spec["target"])(spec))
