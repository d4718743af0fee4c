"""Tells Slurm what is to change: submits, and cancels by name. Numbers are given out twice, names are not."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable

from runforge.attempts import exit_record
from runforge.backends.slurm import answers, script
from runforge.backends.slurm.answers import Kind
from runforge.backends.slurm.asking import Asking
from runforge.backends.slurm.attempts import Attempt, Phase
from runforge.backends.slurm.commands import Answer, Lane
from runforge.clock import Clock

#: What Slurm does not take now is offered again after so many seconds.
AGAIN_SECONDS = 30.0
#: A script to try the options with.
_TRY = b"#!/bin/sh\ntrue\n"
#: Of a trial: no node can take it now.
_IS_PASSING = re.compile(r"down, drained|Requested nodes are busy|not available now|in use", re.IGNORECASE)
#: Between two scancels of one job, at first and at most.
_CANCEL_SECONDS, _LONGEST_CANCEL_SECONDS = 2.0, 30.0


class Changing:
    """The changes of one workspace's jobs."""

    def __init__(self, lane: Lane, clock: Clock, asking: Asking, log: Callable[[str], None]) -> None:
        self._lane = lane
        self._clock = clock
        self._asking = asking
        self._log = log
        #: Why Slurm takes no more, and when it is offered again. `is_general`: it would refuse every run so.
        self.refusal: str | None = None
        self.is_general = False
        self.offers_at = 0.0

    def try_out(self, options: list[str]) -> None:
        """Ask whether Slurm takes the options that all runs have: if not, this is told before a run is offered."""
        self._lane.ask(["sbatch", "--test-only", *options], self._tried, stdin=_TRY)

    def _tried(self, answer: Answer) -> None:
        # It does not print a number: so only a refusal is an answer. And it refuses too what would wait for a node.
        is_refused = answers.kind(answer.err, answer.code, "") is Kind.REFUSED
        if is_refused and not _IS_PASSING.search(answer.err):
            words = f"Slurm refuses these options: {answers.reason(answer.err)}"
            self._log(f"WARNING: nothing is submitted: {words}. See `sinfo -s`, then [slurm] in config.toml")
            self.refusal, self.is_general = words, True
            self.offers_at = self._clock.monotonic() + AGAIN_SECONDS

    def submit(self, attempt: Attempt) -> None:
        """Offer an attempt to Slurm; the answer changes its phase."""
        if attempt.given is None:
            return
        options, text = attempt.given
        attempt.phase = Phase.ASKING
        attempt.is_absent, attempt.row, attempt.over_since = False, None, None
        attempt.submissions += 1
        self._lane.ask(
            script.sbatch(attempt.name, attempt.folder, options),
            lambda answer: self._answered(attempt, answer),
            stdin=text,
            owner=attempt.ref.token,
            before=lambda: allocate(attempt),
        )

    def _answered(self, attempt: Attempt, answer: Answer) -> None:
        now = self._clock.monotonic()
        kind = answers.kind(answer.err, answer.code, answer.out)
        self._asking.heard(answer.err, is_heard=kind is not Kind.UNSURE)
        attempt.known_from = now
        if attempt.phase is Phase.WITHDRAWN:  # meanwhile
            if kind in {Kind.ACCEPTED, Kind.UNSURE}:
                self.cancel(attempt)
            return
        if kind is Kind.ACCEPTED:
            attempt.phase, attempt.job_id = Phase.SUBMITTED, answers.job_id(answer.out) or ""
            attempt.refusal = None
            if attempt.is_usual or not self.is_general:
                self.refusal = None
        elif attempt.phase is not Phase.ASKING:
            pass  # the list has shown it already
        elif kind is Kind.UNSURE:
            attempt.phase = Phase.UNSURE
            self._asking.suspect()
        else:
            attempt.phase = Phase.REFUSED
            self._refused(attempt, answers.reason(answer.err), is_limit=kind is Kind.LIMIT)

    def _refused(self, attempt: Attempt, reason: str, *, is_limit: bool) -> None:
        words = f"Slurm takes no more: {reason}" if is_limit else f"Slurm refuses these options: {reason}"
        if words != self.refusal:
            self._log(f"WARNING: run {attempt.ref.run_id} is not submitted: {words}; tried again every 30 s")
        self.refusal, self.is_general = words, is_limit or attempt.is_usual
        self.offers_at = self._clock.monotonic() + AGAIN_SECONDS
        attempt.refusal = words

    def offer_again(self, attempts: list[Attempt]) -> None:
        """Offer what was refused once more, if it is time."""
        now = self._clock.monotonic()
        refused = [each for each in attempts if each.phase is Phase.REFUSED]
        if not refused or now < self.offers_at:
            return
        self.offers_at = now + AGAIN_SECONDS
        for attempt in refused:
            self.submit(attempt)

    def cancel(self, attempt: Attempt) -> bool:
        """Cancel an attempt's own job, by its name; False if there is nothing to be told now. Repeated until it is gone."""
        now = self._clock.monotonic()
        if now < attempt.next_cancel or attempt.is_in_pilot or attempt.phase is Phase.KEPT:
            return False  # told a moment ago; or no job of its own
        attempt.next_cancel = now + min(_CANCEL_SECONDS * 2**attempt.cancels, _LONGEST_CANCEL_SECONDS)
        attempt.cancels += 1
        self.cancel_name(attempt.row.name if attempt.row is not None else attempt.name)
        return True

    def cancel_name(self, name: str) -> None:
        """Cancel whatever has a name."""
        self._lane.ask(["scancel", f"--user={_user()}", f"--name={name}"], self._canceled, is_first=True)

    def _canceled(self, answer: Answer) -> None:
        if answer.code != 0 and answers.is_unheard(answer.err):
            self._asking.heard(answer.err, is_heard=False)

    def drop(self, attempt: Attempt) -> None:
        """Forget what was to be submitted of it, if sbatch was not asked yet."""
        self._lane.drop(attempt.ref.token)


def allocate(attempt: Attempt, *, durable: bool = True) -> None:
    """Make the file of the attempt's record. Without it a later daemon knows that the attempt was never offered."""
    with contextlib.suppress(FileExistsError):  # it is offered again
        exit_record.allocate(attempt.folder, durable=durable)


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
