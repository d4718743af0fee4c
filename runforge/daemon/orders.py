"""Gives running attempts the orders that the journal wants them to have, and takes back what it wants no more."""

from __future__ import annotations

from runforge import failpoints
from runforge.backends.base import AttemptRef, Backend, Order
from runforge.core import yielding
from runforge.core.records import Job
from runforge.daemon.attempt_table import AttemptTable, RunningAttempt
from runforge.store import records
from runforge.store.journal import Journal


class Orders:
    """What the running attempts of a daemon were told."""

    def __init__(self, journal: Journal, backend: Backend) -> None:
        self._journal = journal
        self._backend = backend
        #: The journal's version when every attempt had its orders.
        self._heard: int | None = None

    def look_again(self) -> None:
        """Ask the journal at the next call, because this process has written something into it."""
        self._heard = None

    def deliver(self, attempts: AttemptTable) -> None:
        """Tell each attempt what is new. What cannot be told now follows with the next call."""
        version = self._journal.data_version()  # only other processes wish for something
        if version == self._heard or not attempts:
            return
        with self._journal.read() as tx:
            jobs = [records.job(row) for row in tx.rows("jobs.running")]
        told = [self._tell(running, job) for job in jobs if (running := attempts.of_job(job.job_id))]
        if all(told):
            self._heard = version

    def _tell(self, running: RunningAttempt, job: Job) -> bool:
        """Let an attempt have these orders and no others; return whether it does."""
        wanted = {Order(name) for name in yielding.orders(job)}
        # An earlier daemon's attempt may have any; only a freeze is ever taken back.
        had, is_known = running.orders or set(), running.orders is not None
        given = {order for order in wanted - had if self._give(running.ref, order)}
        is_wrongly_frozen = Order.FREEZE not in wanted and (Order.FREEZE in had or not is_known)
        if is_wrongly_frozen and not self._thaw(running.ref):
            given.add(Order.FREEZE)
        running.orders = (had & wanted) | given
        return running.orders == wanted

    def _give(self, ref: AttemptRef, order: Order) -> bool:
        is_given = self._backend.order(ref, order)
        if order is Order.CANCEL:
            failpoints.hit("cancel.delivered")
        elif order is Order.STOP:
            failpoints.hit("stop.delivered")
        elif order is Order.YIELD:
            failpoints.hit("yield.delivered")
        else:
            failpoints.hit("freeze.delivered")
        return is_given

    def _thaw(self, ref: AttemptRef) -> bool:
        is_thawed = self._backend.withdraw(ref, Order.FREEZE)
        failpoints.hit("thaw.delivered")
        return is_thawed
