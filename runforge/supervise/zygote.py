"""The zygote: imports what runs need once, then forks a supervisor for each request.

    python -m runforge.supervise.zygote --fd N [--preload MODULE]...

Single-threaded, so that forking is safe. Ends when the daemon's end of the socket closes; the
supervisors that it forked do not.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path

from runforge import failpoints
from runforge.supervise import os_process
from runforge.supervise.supervisor import supervise

MESSAGE_LIMIT = 64 * 1024
_REAP_MS = 1000


def main() -> None:
    """Serve until the socket ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--preload", action="append", default=[])
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for module in arguments.preload:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=arguments.fd) as daemon:
        _serve(daemon)


def _serve(daemon: socket.socket) -> None:
    poller = select.poll()
    poller.register(daemon, select.POLLIN)
    has_children = False
    while True:
        events = poller.poll(_REAP_MS if has_children else None)
        has_children = _reap()
        if not events:
            continue
        try:
            message = daemon.recv(MESSAGE_LIMIT)
        except ConnectionResetError:
            return  # the daemon was killed before it heard the last answer
        if not message:
            return
        _answer(daemon, json.loads(message))
        has_children = True


def _reap() -> bool:
    """Collect supervisors that have ended; return whether some are left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _answer(daemon: socket.socket, request: dict[str, object]) -> None:
    """Fork a supervisor and send its handle; nobody else can reap it before, so the pid is its own."""
    try:
        pid = os.fork()
    except OSError as error:
        _send(daemon, {"id": request["id"], "error": f"no process could be created: {error.strerror}"})
        return
    if pid == 0:
        _be_supervisor(daemon, Path(str(request["spec"])))
    failpoints.hit("zygote.forked")
    handle = os_process.pidfd_open(pid)
    _send(daemon, {"id": request["id"], "pid": pid}, handle)
    if handle is not None:
        os.close(handle)


def _send(daemon: socket.socket, answer: dict[str, object], handle: int | None = None) -> None:
    data = [json.dumps(answer).encode("ascii")]
    try:
        if handle is None:
            daemon.sendmsg(data)
        else:
            socket.send_fds(daemon, data, [handle])
    except OSError:
        os._exit(0)  # the daemon is gone


def _be_supervisor(daemon: socket.socket, spec: Path) -> None:
    code = 0
    try:
        daemon.close()
        os.setsid()
        supervise(spec)
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
