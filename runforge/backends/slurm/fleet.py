"""Where an attempt goes: into a pilot that has room for it, or to Slurm as a job of its own. And how many pilots there are.

This is no second scheduler: attempts come in the order in which the engine has chosen them, and are offered in it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runforge.attempts import start_marker
from runforge.backends.slurm import options as slurm_options
from runforge.backends.slurm import pilot_terms, script
from runforge.backends.slurm.attempts import Attempt, Phase
from runforge.backends.slurm.changing import Changing, allocate
from runforge.backends.slurm.looking import Looking
from runforge.backends.slurm.options import SlurmOptions
from runforge.backends.slurm.pilot import Pilot
from runforge.backends.slurm.pilot_files import How, Order
from runforge.clock import Clock
from runforge.core.records import Job
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.backends.preparing import Written

#: So many pilots in a row may end before they have done a run; then no more are submitted.
_MOST_DEATHS = 3
#: For so many seconds it is nobody's business that an attempt waits for a pilot.
_QUIET_SECONDS = 1.0


class Fleet:
    """The pilots of one daemon; without the setting there are none, and every attempt is a job of its own."""

    def __init__(
        self,
        workspace: Workspace,
        options: SlurmOptions,
        clock: Clock,
        changing: Changing,
        looking: Looking,
        log: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._folder = workspace.hidden / "pilots"
        self._options = options
        self._terms = options.pilots
        self._clock = clock
        self._changing = changing
        self._looking = looking
        self._log = log
        self._prefix = script.prefix(workspace.root)
        self._pilots: list[Pilot] = []
        self._deaths = 0
        self._wanted_at = clock.monotonic()
        #: Why no pilots are submitted any more.
        self.problem: str | None = None

    @property
    def jobs(self) -> list[Attempt]:
        """The jobs of the pilots."""
        return [pilot.job for pilot in self._pilots]

    @property
    def free(self) -> int:
        """How many attempts pilots take now."""
        return sum(pilot.free for pilot in self._pilots)

    def find(self) -> None:
        """Take over what an earlier daemon has left."""
        now = self._clock.monotonic()
        for folder in sorted(self._folder.glob("*")):
            self._find(folder, now)

    def _find(self, folder: Path, now: float) -> None:
        try:
            self._pilots.append(Pilot.found(folder, self._prefix + script.pilot_tail(folder.name), now))
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._log(f"WARNING: {folder} is no pilot's folder: {error}")

    def adopt(self, attempt: Attempt) -> None:
        """Note it if an attempt was given to a pilot by an earlier daemon."""
        for pilot in self._pilots:
            if any(order.token == attempt.ref.token for order in pilot.orders):
                attempt.name, attempt.is_in_pilot = pilot.job.name, True

    # --- offering ------------------------------------------------------------------------------

    def wish(self, job: Job, written: Written) -> Order | None:
        """Return the order by which a run would go to a pilot; None if it fits into none."""
        options = self._options
        if self._terms is None:
            return None
        found = pilot_terms.wish(
            self._terms,
            job.needs,
            written.timeout_seconds,
            was_lost=job.lost > 0,
            usual_cpus=options.cpus,
            usual_mem=options.mem,
            usual_time=options.time,
        )
        if found is None:
            return None
        name = job.run_id, job.attempt, ""
        return Order(0, *name, written.digest, is_command=written.is_command, limit=found.limit)

    def offer(self, attempt: Attempt, others: Iterable[Attempt]) -> None:
        """Give an attempt to a pilot, let it wait for one, or submit it if there is room in Slurm's queue."""
        if attempt.order is not None and self._terms is not None and self.problem is None:
            now = self._clock.now()
            fitting = [pilot for pilot in self._pilots if pilot.has_time(attempt.order.limit, now)]
            best = max((pilot for pilot in fitting if pilot.free), key=lambda each: each.free, default=None)
            if best is not None:
                self._give(attempt, attempt.order, best)
                return
            if any(not pilot.is_settled for pilot in fitting) or self._may_grow:
                return
        queued = sum(each.takes_room and each.phase is not Phase.KEPT for each in others)
        if queued < self._options.ahead:
            attempt.hint = None
            self._changing.submit(attempt)

    def _give(self, attempt: Attempt, order: Order, pilot: Pilot) -> None:
        now = self._clock.monotonic()
        try:
            # Not synced: a power cut takes the order with it, or the pilot. Who adopts the attempt then revokes it.
            allocate(attempt, durable=False)
            pilot.give(order._replace(token=attempt.ref.token), now)
        except OSError as error:  # it stays as it is, and is offered again
            self._log(f"WARNING: run {attempt.ref.run_id} is not given to a pilot: {error.strerror}")
            return
        attempt.phase, attempt.is_in_pilot, attempt.name = Phase.SUBMITTED, True, pilot.job.name
        attempt.known_from = attempt.kept_since = now
        self._looking.later(attempt)

    def cancel(self, attempt: Attempt) -> None:
        """Tell the pilot of an attempt, if it is in one; the attempt's own file says it too."""
        if attempt.is_in_pilot:
            with contextlib.suppress(OSError):
                for pilot in self._pilots:
                    pilot.cancel(attempt.ref.token, self._clock.monotonic())

    # --- a round -------------------------------------------------------------------------------

    def step(
        self, attempts: Mapping[str, Attempt], missed: Callable[[Attempt], None], *, may_submit: bool
    ) -> None:
        """Hear the pilots, offer what is kept, and submit pilots for what waits for one. `missed`: Slurm has no such job."""
        for pilot in list(self._pilots):
            self._hear(pilot, attempts, missed)
        others = attempts.values()
        kept = [each for each in others if each.phase is Phase.KEPT]
        if may_submit:
            for attempt in kept:
                self.offer(attempt, others)
        waiting = [each for each in kept if each.phase is Phase.KEPT and each.order is not None]
        now = self._clock.monotonic()
        if waiting:
            self._wanted_at = now
        if may_submit:
            self._grow(len(waiting))
        for attempt in waiting:
            if now - attempt.kept_since >= _QUIET_SECONDS:
                attempt.hint = self._hint()

    def _hint(self) -> str:
        reasons = [job.row.reason for job in self.jobs if job.begun is None and job.row is not None]
        return f"for a pilot ({reasons[0]})" if reasons and reasons[0] else "for a pilot"

    def _hear(self, pilot: Pilot, attempts: Mapping[str, Attempt], missed: Callable[[Attempt], None]) -> None:
        job, now = pilot.job, self._clock.monotonic()
        if now >= job.next_look and job.phase not in {Phase.ASKING, Phase.REFUSED}:
            self._look(job)
        if job.is_absent and job.record is None:
            missed(job)
        if pilot.job.begun is not None and now >= pilot.next_look and pilot.orders:
            self._hear_ends(pilot, attempts, now)
        is_unwanted = not job.has_begun and now - self._wanted_at > pilot.terms.idle
        if is_unwanted and job.phase is Phase.SUBMITTED:
            job.phase, job.is_canceled = Phase.WITHDRAWN, True
        if pilot.is_settled:
            self._let_go(pilot, attempts)
        elif job.record is not None or job.is_over(now) or job.phase is Phase.REFUSED:
            self._settle(pilot, attempts, now)

    def _let_go(self, pilot: Pilot, attempts: Mapping[str, Attempt]) -> None:
        """Forget a pilot that is over once Slurm has no job of it and nothing asks for it any more."""
        job = pilot.job
        if job.row is not None and not job.is_gone:
            if not job.has_begun:
                self._changing.cancel(job)
        elif not any(each.name == job.name for each in attempts.values()):
            pilot.remove()
            self._pilots.remove(pilot)

    def _look(self, attempt: Attempt) -> None:
        try:
            self._looking.look(attempt)
        except OSError:
            return  # tried again

    def _hear_ends(self, pilot: Pilot, attempts: Mapping[str, Attempt], now: float) -> None:
        try:
            ended = list(pilot.ended(now))
        except OSError:
            return  # tried again
        for order, end in ended:
            attempt = attempts.get(order.token)
            pilot.has_worked = pilot.has_worked or end.how == How.ENDED
            if end.how == How.BACK:
                pilot.is_closing = pilot.is_closing or not order.is_canceled
            if attempt is None:
                continue
            self._look(attempt)
            if end.how == How.GONE:
                attempt.is_unattended, attempt.next_event = True, now
            elif end.how == How.BACK and not attempt.has_begun:
                attempt.phase = Phase.WITHDRAWN

    # --- more and fewer ------------------------------------------------------------------------

    @property
    def _alive(self) -> list[Pilot]:
        return [pilot for pilot in self._pilots if not pilot.is_settled]

    @property
    def _may_grow(self) -> bool:
        is_on = self._terms is not None and self.problem is None
        return is_on and self._terms is not None and len(self._alive) < self._terms.most

    def _grow(self, waiting: int) -> None:
        """Submit pilots for what waits, less what those will take that have not begun."""
        expected = sum(pilot.terms.slots for pilot in self._alive if not pilot.job.has_begun)
        while self._terms is not None and self._may_grow and waiting > expected:
            expected += self._terms.slots
            try:
                self._submit(self._terms)
            except OSError as error:
                self._log(f"WARNING: no pilot is submitted: {error}")
                return

    def _submit(self, terms: pilot_terms.Terms) -> None:
        token = secrets.token_hex(16)
        folder = self._folder / script.secret(token)
        pilot = Pilot.made(
            token, folder, self._prefix + script.pilot_tail(folder.name), terms, self._clock.monotonic()
        )
        options = slurm_options.of_pilot(self._options, terms)
        text = script.pilot_text(self._options, pilot.job.folder, self._workspace.attempts_dir, token, terms)
        pilot.job.given = options, text
        self._pilots.append(pilot)
        self._changing.submit(pilot.job)

    def _settle(self, pilot: Pilot, attempts: Mapping[str, Attempt], now: float) -> None:
        """Draw the conclusions from a pilot's end: what it has not begun goes on elsewhere."""
        job = pilot.job
        may_begin = job.record is None and not job.has_begun and job.phase is not Phase.REFUSED
        # Once we have its start marker, a job of its that comes late finds it taken.
        if may_begin and not start_marker.revoke(job.folder, job.ref.token):
            job.is_claimed, job.is_absent = True, False
            return
        pilot.is_settled = True
        self._hear_ends(pilot, attempts, now)
        for order in pilot.orders:
            attempt = attempts.get(order.token)
            if attempt is not None and attempt.record is None:
                self._look(attempt)
                pilot.has_worked = pilot.has_worked or attempt.has_begun
                if attempt.record is None and not attempt.has_begun:
                    attempt.phase = Phase.WITHDRAWN
        self._count(pilot)

    def _count(self, pilot: Pilot) -> None:
        job = pilot.job
        is_limit = job.phase is Phase.REFUSED and self._changing.is_general
        if job.is_canceled or is_limit:
            return
        if job.record is not None or pilot.has_worked:
            self._deaths = 0
            return
        self._deaths += 1
        why = pilot.last_words()
        self._log(f"WARNING: a pilot has ended before it did a run: {why}")
        if self._deaths >= _MOST_DEATHS and self.problem is None:
            self.problem = (
                f"no more pilots: {_MOST_DEATHS} in a row ended before they did a run ({why}); each run is now a job of "
                "its own. A new daemon tries again"
            )
            self._log(f"WARNING: {self.problem}")

    def wait_seconds(self) -> float | None:
        """Return when `step` must be called again; None if nothing is to be heard."""
        now = self._clock.monotonic()
        wishes = [pilot.job.next_look for pilot in self._alive]
        wishes += [pilot.next_look for pilot in self._alive if pilot.job.begun is not None and pilot.orders]
        return min((max(0.0, wish - now) for wish in wishes), default=None)
