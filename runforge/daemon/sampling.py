"""Lets sweeps go on that choose their next trials by what the earlier ones have shown.

Each sampler is a process of its own, and one at a time works: another sweep is asked for meanwhile only if that one
takes long. The loop never waits for it; if it fails, its group is paused, and everything else goes on.
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
#: A sampler that works longer than this keeps other sweeps from going on no more.
SLOW_SECONDS = 5.0


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
        #: By group.
        self._asked: dict[str, tuple[Question, SamplerChild]] = {}
        #: The journal's version when no sweep wanted anything.
        self._seen: tuple[int, int] | None = None
        #: The journal's version, for other processes alone, when no sweep searched at all.
        self._idle: int | None = None

    def step(self, *, may_ask: bool = True) -> None:
        """Take the answers that are there, and ask the next question. Raises if the journal cannot be written."""
        for question, child in list(self._asked.values()):
            self._look(question, child)
        if may_ask and self._left_to_others() == 0:
            self._ask()

    def wait_seconds(self) -> float | None:
        """Return the seconds until `step` must be called again; None if the journal's next change will do."""
        waits = [child.wait_seconds for _, child in self._asked.values()]
        if not self._is_seen(self._journal.version()):
            waits.append(self._left_to_others())
        return min(waits, default=None)

    def close(self) -> None:
        """End the samplers that work; what they are asked is asked again."""
        for _, child in self._asked.values():
            child.end()
        self._asked.clear()

    def _left_to_others(self) -> float:
        """Return the seconds until another sweep may be asked for."""
        return max((max(0.0, SLOW_SECONDS - child.age) for _, child in self._asked.values()), default=0.0)

    def _ask(self) -> None:
        version = self._journal.version()
        if self._is_seen(version):
            return
        question = self._question(version)
        if question is None:
            self._seen = version
            return
        command = self._command or _usual_command()
        try:
            child = SamplerChild(command, question.document, self._descriptors)
        except OSError as error:
            self._give_up(question, f"the sampler cannot be started: {error}")
            return
        self._asked[question.study.group_id] = question, child
        failpoints.hit("sampler.asked")

    def _is_seen(self, version: tuple[int, int]) -> bool:
        """Return whether nothing that matters has changed: only others begin a search."""
        return version == self._seen or version[0] == self._idle

    def _question(self, version: tuple[int, int]) -> Question | None:
        with self._journal.read() as tx:
            searches = tx.row("sweeps.searches")[0]
            self._idle = None if searches else version[0]
            if not searches:
                return None
            from runforge.queue import suggesting  # only sweeps that search need it

            return suggesting.question(tx, self._slots, list(self._asked))

    def _look(self, question: Question, child: SamplerChild) -> None:
        from runforge.queue import suggesting

        try:
            suggestions = child.answer()
        except SamplerFailed as error:
            self._forget(question)
            self._give_up(question, str(error))
            return
        if suggestions is None:
            return
        failpoints.hit("sampler.answered")
        self._forget(question)  # whatever happens: what is not queued is asked again
        try:
            study = suggesting.take(self._journal, question, suggestions, self._epoch)
            if study.ended is not None:
                self._log(
                    f"group {study.group_id}: {study.ended}, {study.made} of {study.wanted} trials are made"
                )
        except suggesting.Overtaken:
            pass
        except suggesting.BadAnswer as error:
            self._give_up(question, f"the sampler's answer is wrong: {error}")
        except (DiskFull, ReadOnlyDisk, JournalBusy):
            raise
        except (InvalidPlan, OperationFailed) as error:
            self._give_up(question, str(error))

    def _forget(self, question: Question) -> None:
        del self._asked[question.study.group_id]
        self._seen = None

    def _give_up(self, question: Question, reason: str) -> None:
        from runforge.queue import suggesting

        suggesting.give_up(self._journal, question, reason, self._epoch)
        group_id = question.study.group_id
        self._log(f"WARNING: group {group_id} is paused: {reason}; `runforge resume {group_id}` asks again")


def _usual_command() -> Sequence[str]:
    fake = os.environ.get(FAKE_SAMPLER)
    return [sys.executable, fake] if fake else own_python.command("runforge.sampler.__main__")
