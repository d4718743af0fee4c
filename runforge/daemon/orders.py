"""Gives running attempts the orders that the journal wants them to have, and takes back what it wants no more."""

from __future__ import annotations

from runforge import failpoints
from runforge.backends.base import Backend, Order
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
        had = {Order.FREEZE} if running.orders is None else running.orders
        missing = wanted if running.orders is None else wanted - running.orders
        given = {order for order in missing if self._backend.order(running.ref, order)}
        for order in missing:
            failpoints.hit(f"{order.value}.delivered")
        kept = had & wanted
        if Order.FREEZE in had - wanted and not self._backend.withdraw(running.ref, Order.FREEZE):
            kept = kept | {Order.FREEZE}
        elif Order.FREEZE in had - wanted:
            failpoints.hit("thaw.delivered")
        running.orders = (kept if running.orders is not None else set()) | given
        return running.orders == wanted
