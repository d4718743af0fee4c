"""A pilot on its node: takes one attempt after the other from its orders, and gives each to a zygote's supervisor.

    runforge.backends.slurm.pilot_node FOLDER ATTEMPTS TOKEN SLOTS CPUS SECONDS IDLE BEGAN

It does not decide which run is next: orders are carried out as they stand. It leaves when it has been idle, and before
its time is over. It ends what runs in it when the cluster wants the node back.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from runforge import clock, own_python
from runforge.attempts import exit_record, orders, start_marker
from runforge.attempts import spec as specs
from runforge.backends.local.launcher import Zygotes
from runforge.backends.slurm import pilot_files
from runforge.backends.slurm.pilot_files import End, How, Order
from runforge.backends.slurm.pilot_terms import Terms
from runforge.core.outcome import ExitRecord
from runforge.machine import os_process
from runforge.supervise.node import NOT_OURS, Node

#: Seconds between two looks at the orders: at least, at most, and as a share of the time without news.
_FIRST_PAUSE, _LAST_PAUSE, _SHARE = 0.01, 0.25, 0.1
#: In words that a reader of the output takes for the cluster's own.
_OVER = "RunForge: this pilot ends its runs DUE TO TIME LIMIT"


@dataclass(slots=True)
class _Running:
    place: int
    order: Order
    #: Readable when the supervisor has ended the attempt, or has ended itself; None: not known yet.
    handle: int | None = None
    is_answered: bool = False
    #: Ends what a supervisor that is gone has left.
    fence: subprocess.Popen[bytes] | None = None


class Pilot:
    """One pilot, from its begin to its end."""

    def __init__(self, folder: Path, attempts: Path, terms: Terms, began: float, node: Node) -> None:
        self._attempts = attempts
        self._terms = terms
        self._node = node
        self._orders = pilot_files.orders(folder, terms.slots)
        self._ends = pilot_files.ends(folder, terms.slots)
        self._zygotes = Zygotes(folder / "zygote.log", (str(folder), str(terms.cpus)))
        self._over_at = time.monotonic() + terms.useful_seconds - max(0.0, time.time() - began)
        self._running: dict[str, _Running] = {}
        self._known: dict[int, int] = {}
        self._busy_at = self._news_at = time.monotonic()
        self._poller = select.poll()
        self._watched: set[int] = set()

    def run(self) -> None:
        """Work until it is to leave."""
        while True:
            self._hear()
            self._take()
            if self._node.is_told or time.monotonic() >= self._over_at:
                self._end_all()
            if not self._running:
                if self._node.is_told or time.monotonic() - self._busy_at >= self._terms.idle:
                    return
            else:
                self._busy_at = time.monotonic()
            self._wait()

    def close(self) -> None:
        """End the zygotes."""
        self._zygotes.close()

    # --- orders --------------------------------------------------------------------------------

    def _take(self) -> None:
        for place, order in self._orders.news():
            self._news_at = time.monotonic()
            if self._known.get(place) != order.number:
                self._known[place] = order.number
                self._start(place, order)
            elif order.is_canceled and order.token in self._running:
                # Its supervisor sees at once what this machine has made, and may see late what another has.
                orders.cancel(self._folder(order))

    def _start(self, place: int, order: Order) -> None:
        has_time = self._terms.takes(order.limit, self._over_at - time.monotonic())
        if self._node.is_told or order.is_canceled or not has_time:
            self._tell(place, order, How.BACK)
            return
        self._running[order.token] = _Running(place, order)
        spec = self._folder(order) / specs.NAME
        try:
            self._zygotes.give(order.token, spec, order.digest, is_command=order.is_command)
        except OSError:  # a zygote that died: it is replaced in the next round
            self._lost(self._running[order.token])
        self._watch_zygotes()

    def _folder(self, order: Order) -> Path:
        return self._attempts / order.run_id / str(order.attempt)

    # --- ends ----------------------------------------------------------------------------------

    def _hear(self) -> None:
        for token, reply in self._zygotes.answers():
            running = self._running.get(token)
            if running is None:
                continue
            running.is_answered, running.handle = True, reply.handle
            if reply.error is not None:
                self._over(running, How.BACK)
            elif reply.handle is not None:
                self._poller.register(reply.handle, select.POLLIN)
        if any(not zygote.alive() for zygote in self._zygotes.zygotes):
            self._replace_zygotes()
        for running in list(self._running.values()):
            if running.fence is not None:
                if running.fence.poll() is not None:
                    self._over(running, How.GONE)
            elif running.is_answered and self._has_ended(running):
                self._judge(running)

    def _has_ended(self, running: _Running) -> bool:
        """Return whether a supervisor has let go of its attempt; without a handle its record tells."""
        if running.handle is None:
            return self._has_record(running.order)
        poller = select.poll()
        poller.register(running.handle, select.POLLIN)
        return bool(poller.poll(0))

    def _has_record(self, order: Order) -> bool:
        return exit_record.read(self._folder(order), order.token) is not None

    def _judge(self, running: _Running) -> None:
        if self._has_record(running.order):
            self._over(running, How.ENDED)
        elif self._node.is_told and not start_marker.is_taken(self._folder(running.order)):
            self._over(running, How.BACK)  # it has heard of the end before it took the attempt
        else:
            self._lost(running)

    def _lost(self, running: _Running) -> None:
        """Look after what a supervisor has left that is gone, or that may never have been."""
        self._let_go(running)
        spec = self._folder(running.order) / specs.NAME
        running.fence = subprocess.Popen(own_python.command("runforge.supervise.fence", str(spec)))

    def _over(self, running: _Running, how: str) -> None:
        del self._running[running.order.token]
        self._let_go(running)
        self._news_at = time.monotonic()
        self._tell(running.place, running.order, how)

    def _let_go(self, running: _Running) -> None:
        if running.handle is not None:
            self._poller.unregister(running.handle)
            os.close(running.handle)
            running.handle = None

    def _tell(self, place: int, order: Order, how: str) -> None:
        """Tell the end of an order. The daemon needs it to give the next one; a full disk is waited for."""
        while not self._try_to_tell(place, End(order.number, how)):
            time.sleep(_LAST_PAUSE)

    def _try_to_tell(self, place: int, end: End) -> bool:
        try:
            self._ends.write(place, end)
        except OSError as error:
            return error.errno == errno.ENOENT  # the workspace is gone
        return True

    # --- zygotes -------------------------------------------------------------------------------

    def _replace_zygotes(self) -> None:
        gone = self._zygotes.orphaned_launches()
        self._forget_zygotes()
        self._zygotes.restart_dead()
        self._watch_zygotes()
        for token in gone:
            if token in self._running:
                self._lost(self._running[token])

    def _watch_zygotes(self) -> None:
        for zygote in self._zygotes.zygotes:
            if zygote.fileno() not in self._watched:
                self._watched.add(zygote.fileno())
                self._poller.register(zygote.fileno(), select.POLLIN)

    def _forget_zygotes(self) -> None:
        for descriptor in self._watched:
            self._poller.unregister(descriptor)
        self._watched.clear()

    # --- leaving -------------------------------------------------------------------------------

    def _end_all(self) -> None:
        """Tell the supervisors that the cluster wants its node back, if it has not told them itself."""
        if not self._node.is_told:
            self._node.is_told = True
            print(_OVER, flush=True)
        for running in self._running.values():
            owner = start_marker.read(self._folder(running.order))
            if owner is not None and owner.kind == start_marker.STARTED and running.fence is None:
                os_process.send(owner.pid, signal.SIGTERM, owner.start_ticks)

    def _wait(self) -> None:
        pause = _SHARE * (time.monotonic() - self._news_at)
        self._poller.poll(1000 * min(max(_FIRST_PAUSE, pause), _LAST_PAUSE))


def main() -> None:
    """Be a pilot, unless another job of this name already is."""
    folder, attempts, token, *numbers = sys.argv[1:]
    slots, cpus, seconds, idle, began = map(float, numbers)
    terms = Terms(1, int(slots), seconds, idle, int(cpus), 0)
    node = Node()
    node.listen()
    record = exit_record.open_allocated(Path(folder))
    if not start_marker.claim(Path(folder), token):
        sys.exit(NOT_OURS)
    started_at = clock.now()
    pilot = Pilot(Path(folder), Path(attempts), terms, began, node)
    node.begin(record, token)
    pilot.run()
    pilot.close()
    exit_record.write(record, _left(token, started_at))


def _left(token: str, started_at: str) -> ExitRecord:
    """Return the record of a pilot that has left by itself."""
    now = clock.now()
    took = int(clock.seconds_between(started_at, now) * 1000)
    return ExitRecord(
        token=token,
        exit_code=0,
        signal=None,
        canceled=False,
        oom=False,
        spawn_error=None,
        started_at=started_at,
        finished_at=now,
        duration_ms=took,
        log_bytes=0,
        dropped_bytes=0,
    )
