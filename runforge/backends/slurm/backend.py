"""Attempts as jobs of Slurm: submitted at least once, started at most once, seen by their files and by Slurm's list.

The start marker decides which start counts; so no answer of sbatch is needed, and a job is known by its name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runforge import clock as clocks
from runforge.attempts import orders, start_marker
from runforge.backends import acting, preparing
from runforge.backends.base import AttemptRef, Closing, Event, Launch, NoRunFolder, Order, Watch
from runforge.backends.slurm import options as slurm_options
from runforge.backends.slurm import script, seeing
from runforge.backends.slurm.attempts import MOST_SUBMISSIONS, Attempt, Phase, adopted
from runforge.backends.slurm.changing import Changing
from runforge.backends.slurm.commands import Lane
from runforge.backends.slurm.fleet import Fleet
from runforge.backends.slurm.listing import Row, is_hopeless
from runforge.backends.slurm.looking import LOOK_SECONDS, Looking
from runforge.backends.slurm.options import SlurmOptions
from runforge.backends.slurm.questions import Questions
from runforge.backends.slurm.strays import Strays
from runforge.backends.slurm.verdict import NODE_LOST
from runforge.core.guards import Signs
from runforge.core.outcome import Ending, ExitRecord, Report
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.files.durable import is_folder
from runforge.machine import disk_space
from runforge.machine.disk_space import Shortage
from runforge.machine.gpus import Gpus
from runforge.training import results
from runforge.workspace import Workspace

#: How long a change in Slurm may take.
_CHANGE_SECONDS = 120.0
#: Slurm's reason is asked for when an attempt has stood in its queue for so long.
_REASON_AFTER = 5.0
_USUAL = Resources()


class SlurmBackend:
    """The backend of one workspace in a cluster (see `backends.base.Backend`)."""

    def __init__(
        self,
        workspace: Workspace,
        watch: Watch,
        options: SlurmOptions,
        *,
        umask: int,
        log: Callable[[str], None],
        clock: clocks.Clock = clocks.SYSTEM,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._umask = umask
        self._log = log
        self._clock = clock
        own = slurm_options.environment(os.environ if variables is None else variables)
        self._questions = Questions(watch, clock, own, options, log)
        self._asking = self._questions.jobs
        self._accounts = self._questions.accounts
        self._changes = Lane(watch, clock, own, _CHANGE_SECONDS)
        self._changing = Changing(self._changes, clock, self._asking, log)
        self._looking = Looking(clock)
        self._prefix = script.prefix(workspace.root)
        self._attempts: dict[str, Attempt] = {}
        self._fleet = Fleet(workspace, options, clock, self._changing, self._looking, log)
        self._strays = Strays(workspace, self._prefix, self._changing, log)
        self._lists = 0
        self._asking.began = self._accounts.began = self._began
        self._asking.listed = self._listed

    def _began(self) -> dict[str, str]:
        """Return the number of the job that has begun, by name."""
        return {each.name: each.begun.job for each in self._known if each.begun is not None}

    # --- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask what the cluster is like, whether it takes the options that all runs have, and for its list of jobs."""
        self._fleet.find()
        self._changing.try_out(slurm_options.arguments(self._options, _USUAL))
        self._questions.start()

    def close(self) -> None:
        """Let everything go. The jobs go on; an sbatch gets a moment to answer."""
        self._questions.close()
        self._changes.close(waits=True)

    def rest(self) -> None:
        """There is nothing idle to release."""

    def capacity(self, *, is_in_use: bool) -> Gpus:  # noqa: ARG002 - Slurm gives them, and knows
        """Return no GPUs: the daemon gives none."""
        return Gpus()

    def room(self) -> int:
        """Return how many more attempts may stand in Slurm's queue, or find room in pilots."""
        waiting = sum(each.takes_room for each in self._attempts.values())
        return max(0, self._options.ahead + self._fleet.free - waiting) if self._may_submit else 0

    @property
    def _may_submit(self) -> bool:
        return self._asking.problem is None and not self._is_refused

    @property
    def _is_refused(self) -> bool:
        """Whether Slurm takes no run. Once nothing is left to be offered again, the next run is tried in its time."""
        if self._changing.refusal is None or not self._changing.is_general:
            return False
        is_early = self._clock.monotonic() < self._changing.offers_at
        return is_early or any(each.phase is Phase.REFUSED for each in self._attempts.values())

    def trouble(self) -> str | None:
        """Return that Slurm does not answer, or that it takes no run."""
        return self._asking.problem or (self._changing.refusal if self._is_refused else None)

    def note(self) -> str | None:
        """Return why there are no pilots any more."""
        return self._fleet.problem

    def nodes(self) -> dict[str, Any] | None:
        """Return what Slurm has said of its nodes."""
        return self._questions.nodes.told({each.begun.node for each in self._known if each.begun is not None})

    def shortage(self, *, is_failing: bool) -> Shortage | None:  # noqa: ARG002 - looking costs nothing
        """Return what the disks lack, or that Slurm does not answer or takes no more."""
        found = disk_space.shortage(self._workspace)
        trouble = self.trouble()
        return Shortage("slurm", trouble) if found is None and trouble is not None else found

    # --- launching -----------------------------------------------------------------------------

    def launch(self, launch: Launch) -> None:
        """Write the attempt's files and offer it to Slurm."""
        ref, job = launch.ref, launch.job
        if not is_folder(self._run_dir(ref)):
            raise NoRunFolder(f"run folder {ref.run_dir} is missing: it was deleted before the run started")
        folder = self._workspace.attempt_dir(ref.run_id, ref.attempt)
        try:
            written = preparing.write(
                self._workspace, launch, folder, gpus=0, devices=(), threads=1, umask=self._umask, queue=""
            )
        except FileExistsError:
            self.adopt(ref)  # it was launched before: whether Slurm has it, its list shows
            return
        attempt = Attempt(ref, folder, self._prefix + script.tail(ref))
        given = slurm_options.arguments(self._options, job.needs, written.timeout_seconds)
        attempt.given = (
            given,
            script.text(self._options, written.path, written.digest, self._questions.cluster.kill_wait),
        )
        attempt.is_usual = given == slurm_options.arguments(self._options, _USUAL)
        attempt.order, attempt.kept_since = self._fleet.wish(job, written), self._clock.monotonic()
        self._attempts[ref.token] = attempt
        self._fleet.offer(attempt, self._attempts.values())
        if not attempt.is_in_pilot:
            self._asking.suspect(_REASON_AFTER)

    def adopt(self, ref: AttemptRef) -> None:
        """Look for an attempt's job by its name."""
        folder = self._workspace.attempt_dir(ref.run_id, ref.attempt)
        name = self._prefix + script.tail(ref)
        self._attempts[ref.token] = attempt = adopted(ref, folder, name, self._clock.monotonic())
        self._fleet.adopt(attempt)
        self._asking.suspect()

    def forget(self, ref: AttemptRef) -> None:
        """Stop watching an attempt."""
        self._attempts.pop(ref.token, None)

    # --- hearing -------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """Yield how far attempts have come, and which must be inspected."""
        self._questions.hear()
        self._changes.step()
        self._fleet.step(self._attempts, self._miss, may_submit=self._may_submit)
        attempts = list(self._attempts.values())
        for attempt in self._looking.due(attempts):
            if attempt.record is not None and attempt.record.terminated and attempt.record.said is None:
                self._asking.suspect()
        self._questions.step(is_wanted=self._is_list_wanted)
        self._changing.offer_again(attempts)
        for attempt in attempts:
            yield from self._of(attempt)
        self._accounts.step()

    @property
    def _is_list_wanted(self) -> bool:
        return bool(self._known) or bool(self._strays) or self._lists == 0

    @property
    def _known(self) -> list[Attempt]:
        return [*self._attempts.values(), *self._fleet.jobs]

    def _of(self, attempt: Attempt) -> Iterator[Event]:
        now = self._clock.monotonic()
        told = seeing.progress(attempt, self._questions.cluster.name)
        if told != attempt.told:
            self._tell_hopeless(attempt, told.waiting)
            attempt.told = told
            yield Event(attempt.ref.token, progress=told)
        if attempt.is_absent and attempt.record is None:
            self._miss(attempt)
        if attempt.is_canceled and not attempt.is_gone and self._changing.cancel(attempt):
            self._asking.suspect(1.0)
        if now >= attempt.next_event and (attempt.record is not None or attempt.is_over(now)):
            attempt.next_event = now + LOOK_SECONDS
            yield Event(attempt.ref.token)

    def _tell_hopeless(self, attempt: Attempt, reason: str | None) -> None:
        if reason is not None and reason != attempt.told.waiting and is_hopeless(reason):
            words = f"waits in Slurm's queue for what may never come: {reason}; `runforge cancel` ends that"
            self._log(f"WARNING: run {attempt.ref.run_id} {words}")

    def _miss(self, attempt: Attempt) -> None:
        """Slurm does not have the job: submit it again if it has not begun, else ask the accounts once."""
        if attempt.has_begun:
            if attempt.lookup_asked:
                return
            attempt.lookup_asked = True
            self._accounts.look_up(attempt.name, attempt.hear_account)
        elif attempt.is_in_pilot:
            attempt.phase = Phase.WITHDRAWN
        elif attempt.given is not None and attempt.phase in {Phase.SUBMITTED, Phase.UNSURE}:
            if attempt.submissions < MOST_SUBMISSIONS:
                self._changing.submit(attempt)
            else:
                attempt.phase = Phase.WITHDRAWN

    def _listed(self, rows: Mapping[str, Row], asked_at: float) -> None:
        self._lists += 1
        now = self._clock.monotonic()
        by_tail = {script.tail_of(name): row for name, row in rows.items()}
        for attempt in self._known:
            attempt.hear(by_tail.get(script.tail_of(attempt.name)), asked_at, now)
        self._strays.end(rows, {each.name for each in self._known})

    def wait_seconds(self) -> float | None:
        """Return when `events` must be called again."""
        wishes = [
            *self._questions.wait_seconds(is_wanted=self._is_list_wanted),
            self._changes.wait_seconds(),
            self._looking.wait_seconds(self._attempts.values()),
            self._fleet.wait_seconds(),
        ]
        return min((wish for wish in wishes if wish is not None), default=None)

    # --- inspecting ----------------------------------------------------------------------------

    def _run_dir(self, ref: AttemptRef) -> Path:
        return self._workspace.root / ref.run_dir

    def inspect(self, ref: AttemptRef) -> Report:
        """Return what the attempt's files say, and Slurm's word beside."""
        attempt = self._attempts[ref.token]
        self._looking.look(attempt)
        now = self._clock.monotonic()
        return seeing.report_on(
            attempt,
            self._run_dir(ref),
            now,
            has_list=self._lists > 0,
            remembers=self._questions.cluster.remembers,
        )

    # --- acting --------------------------------------------------------------------------------

    def order(self, ref: AttemptRef, order: Order) -> bool:
        """Leave the file that the supervisor watches, and tell Slurm; False while the file cannot be written."""
        attempt = self._attempts[ref.token]
        if order is Order.YIELD:
            self.recall(ref)
        if order is Order.CANCEL:
            if not attempt.has_begun:
                self._withdraw(attempt)
            attempt.is_canceled = True
            self._fleet.cancel(attempt)
        return acting.give(attempt.folder, order)

    def recall(self, ref: AttemptRef) -> None:
        """Take back an attempt that has not begun. Its start marker says whether it has: its job must not be canceled then."""
        attempt = self._attempts[ref.token]
        if attempt.has_begun or attempt.phase is Phase.WITHDRAWN:
            return
        attempt.is_claimed = not start_marker.revoke(attempt.folder, ref.token)
        if not attempt.is_claimed:
            self._withdraw(attempt)

    def _withdraw(self, attempt: Attempt) -> None:
        """Take an attempt back. Its start marker decides whether that was in time."""
        self._changing.drop(attempt)
        if attempt.phase is not Phase.REFUSED:
            self._changing.cancel(attempt)
        attempt.phase = Phase.WITHDRAWN

    def withdraw(self, ref: AttemptRef, order: Order) -> bool:
        """Delete the file that the supervisor watches; False while that is refused."""
        return acting.withdraw(self._attempts[ref.token].folder, order)

    def signs(self, ref: AttemptRef) -> Signs | None:  # noqa: ARG002
        """Return nothing: what its processes use cannot be seen from here."""
        return None

    def end_stalled(self, ref: AttemptRef, seconds: float) -> bool:
        """Leave the file that the supervisor watches; False while it cannot be written."""
        return acting.end_stalled(self._attempts[ref.token].folder, seconds)

    def close_attempt(self, ref: AttemptRef, job: Job, closing: Closing) -> bool:
        """Take the start marker, so that no supervisor can take it; False if one has it."""
        attempt = self._attempts[ref.token]
        is_ours = acting.close(self._workspace, attempt.folder, ref, job, closing)
        if closing is Closing.REVOKE:
            attempt.is_claimed = not is_ours
        return is_ours

    def clean_up(self, ref: AttemptRef) -> bool:
        """Fence: what Slurm has lost sight of is told to end, and gets its time; False until that is over."""
        attempt = self._attempts[ref.token]
        is_out_of_sight = attempt.is_absent or (attempt.row is not None and attempt.row.state in NODE_LOST)
        if attempt.record is not None or not is_out_of_sight or attempt.is_folder_missing:
            return True
        now = self._clock.monotonic()
        if attempt.fenced_since is None:
            orders.cancel(attempt.folder)
            attempt.fenced_since = now
            self._log(f"WARNING: run {ref.run_id} is out of sight; the next attempt waits for its end")
        self._changing.cancel(attempt)
        return now - attempt.fenced_since >= self._options.fence_seconds

    def finish(self, ref: AttemptRef, record: ExitRecord) -> None:
        """Write a result.json that the supervisor could not write, or that a move of the workspace lost."""
        results.finish(self._attempts[ref.token].folder, self._run_dir(ref), record)

    def leave_result(self, ref: AttemptRef, job: Job, ending: Ending) -> None:
        """Write a result.json for an unknown end."""
        results.leave(self._attempts[ref.token].folder, self._run_dir(ref), job, ending)
