"""Lets sweeps go on that choose their next trials by what the earlier ones have shown.

One sampler at a time works, in a process of its own. The loop never waits for it; if it fails, its group is paused,
and everything else goes on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runforge import failpoints, own_python
from runforge.daemon.sampler_child import Descriptors, SamplerChild, SamplerFailed
from runforge.errors import InvalidPlan, OperationFailed
from runforge.store.failures import DiskFull, JournalBusy, ReadOnlyDisk
from runforge.store.journal import Journal

if TYPE_CHECKING:
    from runforge.queue.suggesting import Question


#: Tests name a program here that answers instead of Optuna.
FAKE_SAMPLER = "RUNFORGE_FAKE_SAMPLER"


class Sampling:
    """Asks for the next trials of the daemon's sweeps."""

    def __init__(
        self,
        journal: Journal,
        descriptors: Descriptors,
        epoch: int,
        slots: int,
        log: Callable[[str], None],
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        self._journal = journal
        self._descriptors = descriptors
        self._epoch = epoch
        self._slots = slots
        self._log = log
        self._command = command
        self._asked: tuple[Question, SamplerChild] | None = None
        #: The journal's version when no sweep wanted anything.
        self._seen: tuple[int, int] | None = None

    def step(self, *, may_ask: bool = True) -> None:
        """Take an answer if there is one, and ask the next question. Raises if the journal cannot be written."""
        if self._asked is not None:
            self._look(*self._asked)
        if self._asked is None and may_ask:
            self._ask()

    def wait_seconds(self) -> float | None:
        """Return the seconds until `step` must be called again; None if the journal's next change will do."""
        if self._asked is not None:
            return self._asked[1].wait_seconds
        return None if self._seen == self._journal.version() else 0.0

    def close(self) -> None:
        """End the sampler that works; what it is asked is asked again."""
        if self._asked is not None:
            self._asked[1].end()
            self._asked = None

    def _ask(self) -> None:
        version = self._journal.version()
        if version == self._seen:
            return
        question = self._question()
        if question is None:
            self._seen = version
            return
        command = self._command or _usual_command()
        try:
            child = SamplerChild(command, question.document, self._descriptors)
        except OSError as error:
            self._give_up(question, f"the sampler cannot be started: {error}")
            return
        self._asked = question, child
        failpoints.hit("sampler.asked")

    def _question(self) -> Question | None:
        with self._journal.read() as tx:
            if not tx.row("sweeps.searches")[0]:
                return None
            from runforge.queue import suggesting  # only sweeps that search need it

            return suggesting.question(tx, self._slots)

    def _look(self, question: Question, child: SamplerChild) -> None:
        from runforge.queue import suggesting

        try:
            suggestions = child.answer()
        except SamplerFailed as error:
            self._asked = None
            self._give_up(question, str(error))
            return
        if suggestions is None:
            return
        failpoints.hit("sampler.answered")
        self._asked = None  # whatever happens: what is not queued is asked again
        try:
            study = suggesting.take(self._journal, question, suggestions, self._epoch)
            if study.ended is not None:
                self._log(
                    f"group {study.group_id}: {study.ended}, {study.made} of {study.wanted} trials are made"
                )
        except suggesting.Overtaken:
            self._seen = None
        except suggesting.BadAnswer as error:
            self._give_up(question, f"the sampler's answer is wrong: {error}")
        except (DiskFull, ReadOnlyDisk, JournalBusy):
            raise
        except (InvalidPlan, OperationFailed) as error:
            self._give_up(question, str(error))

    def _give_up(self, question: Question, reason: str) -> None:
        from runforge.queue import suggesting

        suggesting.give_up(self._journal, question, reason, self._epoch)
        group_id = question.study.group_id
        self._log(f"WARNING: group {group_id} is paused: {reason}; `runforge resume {group_id}` asks again")


def _usual_command() -> Sequence[str]:
    fake = os.environ.get(FAKE_SAMPLER)
    return [sys.executable, fake] if fake else own_python.command("runforge.sampler.__main__")
