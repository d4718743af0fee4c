"""What is wanted of a run while it goes on: that it ends, or makes room, or stands still.

Orders are files (attempts/orders.py); the time limit is the supervisor's own. What came first is the reason of the
end, except that a cancel still turns a yield or a stop into a cancel.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from runforge import failpoints
from runforge.attempts import orders
from runforge.attempts.spec import Spec
from runforge.core import policy
from runforge.supervise.freezing import Freezing
from runforge.supervise.stopping import Stopping

#: Seconds between two looks at a run that is being ended.
_STOP_PAUSE = 0.1
if TYPE_CHECKING:
    from runforge.supervise.node import Node


class Wishes:
    """The wishes for one attempt, and how far they are carried out."""

    def __init__(self, spec: Spec, say: Callable[[Iterable[str]], None], node: Node | None = None) -> None:
        self._spec = spec
        self._node = node
        self._folder = spec.attempt_dir
        self._say = say
        self._freezing = Freezing()
        self._deadline: float | None = None
        self._pid = -1
        self._stopping: Stopping | None = None
        self.is_canceled = False
        #: It was asked to make room.
        self.is_yielding = False
        #: Its sweep's rule stops it.
        self.is_stopped = False
        #: The cluster wants its node back.
        self.is_terminated = False
        #: The time limit in seconds if that ended it.
        self.timed_out: float | None = None
        #: The seconds without a sign of life after which it was ended.
        self.stalled: float | None = None

    @property
    def is_ended_by_us(self) -> bool:
        """Whether the run was asked to end."""
        has_a_reason = self.timed_out is not None or self.stalled is not None
        is_asked = self.is_canceled or self.is_stopped or self.is_yielding or self.is_terminated
        return is_asked or has_a_reason

    @property
    def has_acted(self) -> bool:
        """Whether a process of the run may have got a signal."""
        return self._stopping is not None or self.is_ended_by_us or self._freezing.seconds > 0

    @property
    def killed(self) -> int:
        """How many of its processes had to be killed."""
        return self._stopping.killed if self._stopping is not None else 0

    def forbid_start(self) -> bool:
        """Return whether the run is not to start at all."""
        self.is_canceled = orders.is_canceled(self._folder)
        self.is_stopped = not self.is_canceled and orders.is_given(self._folder, orders.STOP)
        is_free = not self.is_canceled and not self.is_stopped
        self.is_terminated = is_free and self._node is not None and self._node.is_told
        is_free = is_free and not self.is_terminated
        self.is_yielding = is_free and orders.is_given(self._folder, orders.YIELD)
        return self.is_ended_by_us

    def begin(self, pid: int) -> None:
        """Take over the run's process. From now on its time counts."""
        self._pid = pid
        if self._spec.timeout_seconds is not None:
            self._deadline = time.monotonic() + self._spec.timeout_seconds

    def step(self) -> None:
        """Look for orders, and do what is due. Called while the run's process has not ended."""
        if self._stopping is None:
            self._look()
        elif (self.is_yielding or self.is_stopped or self.is_terminated) and orders.is_canceled(self._folder):
            self.is_canceled, self.is_yielding, self.is_stopped, self.is_terminated = (
                True,
                False,
                False,
                False,
            )
        if self._stopping is not None:
            self._stopping.step(has_main_ended=False)

    def wait_seconds(self) -> float:
        """Return the seconds until `step` is due again, whatever is ordered meanwhile; infinity for never."""
        if self._stopping is not None:
            return _STOP_PAUSE
        if self._freezing.is_on:
            return self._freezing.wait_seconds()
        return math.inf if self._deadline is None else max(0.0, self._time_left())

    def _look(self) -> None:
        if orders.is_canceled(self._folder):
            self.is_canceled = True
        elif self._node is not None and self._node.is_told:
            self.is_terminated = True
            self._say(["[RunForge: the cluster ends the run]"])
        elif self._is_time_over():
            self.timed_out = self._spec.timeout_seconds
            self._say([f"[RunForge: {policy.time_limit(self.timed_out or 0)}; the run is ended]"])
        elif (stalled := orders.stalled_for(self._folder)) is not None:
            self.stalled = stalled
            self._say([f"[RunForge: {policy.stall(stalled)}; the run is ended]"])
        elif orders.is_given(self._folder, orders.STOP):
            self.is_stopped = True
            self._say(["[RunForge: stopped early by its sweep's rule]"])
        elif orders.is_given(self._folder, orders.YIELD):
            self.is_yielding = True
            self._say(["[RunForge: asked to yield]"])
        if self.is_ended_by_us:
            first = signal.Signals[f"SIG{self._spec.yield_signal}"] if self.is_yielding else signal.SIGTERM
            self._stopping = Stopping(self._pid, self._grace, first=first)
            self._freezing.leave()  # with the first signal all of them go on
        else:
            self._freeze_or_thaw()

    def _is_time_over(self) -> bool:
        """Return whether the time limit is reached. It stands still while the run does."""
        return self._deadline is not None and self._time_left() <= 0

    def _time_left(self) -> float:
        return (self._deadline or 0.0) + self._freezing.seconds - time.monotonic()

    def _freeze_or_thaw(self) -> None:
        if orders.is_given(self._folder, orders.FREEZE):
            is_new = not self._freezing.is_on
            self._freezing.freeze()
            if is_new:
                failpoints.hit("freeze.stopped")
                self._say(["[RunForge: frozen]"])
        elif self._freezing.is_on:
            seconds = self._freezing.thaw()
            failpoints.hit("thaw.continued")
            self._say([f"[RunForge: goes on, after {seconds:.0f} s frozen]"])

    @property
    def _grace(self) -> float:
        """The time between the first signal and the last: a cluster that ends a run does not wait longer."""
        if self._node is None or not self._node.is_told:
            return self._spec.grace_seconds
        return min(self._spec.grace_seconds, self._node.most_grace_seconds)

    def end_leftovers(self) -> None:
        """End what the run's process has left behind. Called until nothing is left.

        After a cancel they get the rest of the grace time, otherwise a full one: they may be the real program, if a
        shell did not wait for it.
        """
        self._stopping = self._stopping or Stopping(self._pid, self._grace)
        self._stopping.step(has_main_ended=True)
