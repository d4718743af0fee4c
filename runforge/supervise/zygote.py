"""The zygote: imports once what runs need, then forks supervisors.

    runforge.supervise.zygote --fd N [--preload MODULE]... [--keep TARGET MODULE] [--node FOLDER CPUS]

It has one thread, so that forking is safe. It ends when the daemon closes the socket. Each supervisor has its
own socket to the daemon and gets attempts on it, one after the other. When that closes, the supervisor
finishes its run and ends. The worker of a run of TARGET may be kept for the next one (resting.py). With --node it is a
pilot's, on a node of a cluster: FOLDER is the pilot's, and each run has so many CPUs.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING

from runforge import failpoints
from runforge.errors import explained
from runforge.paths import Path
from runforge.supervise.kept import Kept
from runforge.supervise.supervisor import supervise
from runforge.supervise.workers import Workers

if TYPE_CHECKING:
    from runforge.supervise.node import Node

MESSAGE_LIMIT = 64 * 1024
#: A supervisor sends this when the exit record is written and it is free for another attempt.
ENDED = b"ended"
_REAP_MS = 1000


def main() -> None:
    """Work until the socket ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--preload", action="append", default=[])
    parser.add_argument("--keep", nargs=2)
    parser.add_argument("--node", nargs=2)
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for module in arguments.preload:
        importlib.import_module(module)
    kept = Kept.made(*arguments.keep) if arguments.keep is not None else None
    node = _node(*arguments.node) if arguments.node is not None else None
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=arguments.fd) as daemon:
        _serve(daemon, kept, node)


def _node(folder: str, cpus: str) -> Node:
    from runforge.supervise.node import Node  # no other zygote needs it

    return Node(output=Path(folder), cpus=int(cpus))


def _serve(daemon: socket.socket, kept: Kept | None, node: Node | None) -> None:
    poller = select.poll()
    poller.register(daemon, select.POLLIN)
    has_children = False
    while True:
        events = poller.poll(_REAP_MS if has_children else None)
        has_children = _reap()
        if not events:
            continue
        try:
            message, descriptors, _, _ = socket.recv_fds(daemon, MESSAGE_LIMIT, 1)
        except ConnectionResetError:
            return  # the daemon was killed before it got the last answer
        if not message:
            return
        with socket.socket(fileno=descriptors[0]) as line:
            line.set_inheritable(False)
            _answer(daemon, line, json.loads(message)["id"], kept, node)
        has_children = True


def _reap() -> bool:
    """Collect supervisors that have ended; return whether some are left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _answer(
    daemon: socket.socket, line: socket.socket, number: int, kept: Kept | None, node: Node | None
) -> None:
    """Fork a supervisor for the request."""
    try:
        pid = os.fork()
    except OSError as error:
        reason = f"no process could be created: {error.strerror}"
        _send(daemon, {"id": number, "error": reason, "errno": error.errno})
        return
    if pid == 0:
        _be_supervisor(daemon, line, Workers(kept), node)
    failpoints.hit("zygote.forked")
    _send(daemon, {"id": number})


def _send(daemon: socket.socket, answer: dict[str, object]) -> None:
    try:
        daemon.send(json.dumps(answer).encode("ascii"))
    except OSError:
        os._exit(0)  # the daemon is gone


def _be_supervisor(daemon: socket.socket, line: socket.socket, workers: Workers, node: Node | None) -> None:
    code = 0
    try:
        daemon.close()
        os.setsid()
        _serve_line(line, workers, node)
    except OSError as error:  # the daemon learns of it by the attempt's files; no fault of the program's
        print(f"a supervisor has ended: {explained(error)}", file=sys.stderr)
        code = 1
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve_line(line: socket.socket, workers: Workers, node: Node | None) -> None:
    """Run one attempt after the other, until the daemon closes the socket or the cluster wants its node back.

    An attempt without a record ends the process too: so the daemon learns of it.
    """
    with contextlib.suppress(ConnectionError):
        while (order := line.recv(MESSAGE_LIMIT)) and not (node is not None and node.is_told):
            digest, _, spec = order.partition(b" ")
            if not supervise(Path(os.fsdecode(spec)), digest.decode("ascii"), workers, node):
                return
            line.send(ENDED)
