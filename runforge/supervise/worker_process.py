"""The worker: the process with the run's own code, and how it is separated from its parent.

A user's program is spawned. Training is forked, to use the modules that this process has imported.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from runforge import failpoints
from runforge.attempts import environment
from runforge.attempts.spec import Spec
from runforge.errors import RunForgeError
from runforge.files import no_program, programs
from runforge.machine import os_process
from runforge.supervise import helper_path
from runforge.supervise.resting import Given, Order, Resting, open_descriptors, set_environment

#: Signals that the supervisor or the interpreter ignores. A program expects their defaults.
_RESET = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGIO)
_RESET_FOR_EXEC = (*_RESET, signal.SIGPIPE, signal.SIGXFSZ)
_TREE_FD = 3
#: The machine refuses another process; the program is not to blame.
_NO_ROOM = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}


def resolve(target: str) -> Callable[..., Any]:
    """Return the function that `module:function` names."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def start(
    spec: Spec, own: Mapping[str, str], tree_lock: int, resting: Callable[[], Resting] | None = None
) -> tuple[int, int]:
    """Start the worker; return its pid and the pipe of what it prints. One that can rest takes further runs.

    `own` are the variables of this process.

    Raises NoProgram with the reason if the program cannot be started, OSError if the machine has no room for
    another process.
    """
    output, write_end = os.pipe()
    # Above the numbers that the worker will use, so that none is overwritten too early.
    high = tuple(fcntl.fcntl(d, fcntl.F_DUPFD_CLOEXEC, _TREE_FD + 1) for d in (write_end, tree_lock))
    try:
        env = environment_of(spec, own)
        pid = _fork(spec, env, high, resting) if spec.argv is None else _spawn(spec, spec.argv, env, *high)
    except BaseException:
        os.close(output)
        raise
    else:
        return pid, output
    finally:
        for descriptor in (write_end, *high):
            os.close(descriptor)


class NoProgram(Exception):
    """The program of a run cannot be started; the message says which file is wrong, and why."""


def _spawn(spec: Spec, argv: tuple[str, ...], env: dict[str, str], output: int, tree_lock: int) -> int:
    """Start a program without a copy of this process; this costs half as much as a fork.

    There is no other thread and nothing else is inheritable, so this process may use the run's mask and
    folder for a moment. The program gets its own process group, so that its kill(0) does not hit the
    supervisor. It stays in the supervisor's session, so that a clean-up finds processes without the
    environment and the descriptors.
    """
    env = helper_path.added(env)
    path = env.get("PATH", os.defpath)
    blamed = str(spec.cwd)
    mask = os.umask(spec.umask)
    try:
        os.chdir(blamed)
        blamed = argv[0]
        return os.posix_spawn(
            blamed if os.path.dirname(blamed) else programs.find(blamed, path),
            argv,
            env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
                (os.POSIX_SPAWN_DUP2, tree_lock, _TREE_FD),
            ],
            setpgroup=0,
            setsigdef=_RESET_FOR_EXEC,
        )
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise
        is_daemons = spec.environment.file is None
        raise NoProgram(no_program.reason(blamed, error, path, is_daemons=is_daemons)) from error
    finally:
        os.chdir("/")
        os.umask(mask)


def environment_of(spec: Spec, own: Mapping[str, str]) -> dict[str, str]:
    """Return all variables of the run. Raises NoProgram without the files that they come from, or OSError."""
    try:
        given = environment.variables(spec.environment, own)
    except RunForgeError as error:
        raise NoProgram(str(error)) from error
    return spec.variables(given)


def _fork(
    spec: Spec, env: dict[str, str], descriptors: Sequence[int], resting: Callable[[], Resting] | None
) -> int:
    parent = os.getpid()
    output, tree_lock = descriptors
    order = Order(spec, env, output, tree_lock)
    pid = os.fork()
    if pid == 0:
        _be_worker(order, parent, resting)
    return pid


def _be_worker(order: Order | None, parent: int, may_rest: Callable[[], Resting] | None) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        os_process.die_with_parent(parent)
        failpoints.disarm()
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        resting = _resting(may_rest)
        while order is not None:
            code = 1
            given = _give(order, keep=resting.descriptor if resting is not None else None)
            if resting is not None:
                resting.begin()
            code = int(resolve(order.spec.target or "")(order.spec))
            sys.stdout.flush()
            sys.stderr.flush()
            order = resting.next(order, given) if resting is not None and code == 0 else None
    except BaseException:  # noqa: BLE001 - the process ends here, whatever it was
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _resting(made: Callable[[], Resting] | None) -> Resting | None:
    try:
        return made() if made is not None else None
    except OSError:
        return None  # the kernel does not tell enough to see what a run has changed: it is the only one here


def _give(order: Order, keep: int | None) -> Given:
    """Give the run its descriptors, mask, variables, streams and folder."""
    _arrange_descriptors(order.output, order.tree_lock)
    if order.at_rest is None:  # a kept worker has nothing else open: it has looked after its last run
        _close_others(keep)
    os.umask(order.spec.umask)
    set_environment(order.at_rest or dict(os.environ), order.env)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            open(descriptor, "wb", closefd=False),  # noqa: SIM115
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )
        setattr(sys, name, stream)
    os.chdir(order.spec.cwd)
    return Given(os.getcwd(), (sys.stdin, sys.stdout, sys.stderr))


def _arrange_descriptors(output: int, tree_lock: int) -> None:
    """Give the run 0, 1, 2 and the tree's lock, which all of its processes inherit."""
    null = os.open(os.devnull, os.O_RDONLY)
    for given, number in ((null, 0), (output, 1), (output, 2), (tree_lock, _TREE_FD)):
        os.dup2(given, number)
    for given in (null, output, tree_lock):
        if given > _TREE_FD:
            os.close(given)


def _close_others(keep: int | None) -> None:
    for descriptor in open_descriptors():
        if descriptor > _TREE_FD and descriptor != keep:
            with contextlib.suppress(OSError):
                os.close(descriptor)
