"""Looks at the attempts' records: once a second at each, opened anew, because a network file system asks only then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from runforge.attempts import exit_record
from runforge.attempts import spec as specs
from runforge.backends.slurm import script
from runforge.backends.slurm.attempts import Attempt, Phase
from runforge.clock import Clock
from runforge.files.durable import is_folder
from runforge.workspace import Workspace

#: Seconds between two looks at one attempt, and the most looks in a second at all of them.
LOOK_SECONDS = 1.0
_MOST_A_SECOND = 50


class Looking:
    """Sees that attempts begin and end. All looks of a second are made together: each waking costs more than a look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0.0

    def due(self, attempts: Sequence[Attempt]) -> Iterator[Attempt]:
        """Look at the attempts whose turn it is, those first that have waited longest; yield those looked at."""
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        soon = now + LOOK_SECONDS / 2
        wanted = [each for each in attempts if _is_to_see(each) and each.next_look <= soon]
        for attempt in sorted(wanted, key=lambda each: each.next_look)[:_MOST_A_SECOND]:
            with contextlib.suppress(OSError):  # tried again
                self.look(attempt)
            yield attempt

    def look(self, attempt: Attempt) -> None:
        """Look at one attempt. OSError if its record cannot be read now."""
        now = self._clock.monotonic()
        attempt.next_look = now + LOOK_SECONDS
        if attempt.record is not None:
            return
        try:
            record, begun = exit_record.read_elsewhere(attempt.folder, attempt.ref.token)
        except (FileNotFoundError, NotADirectoryError):
            attempt.is_folder_missing = not is_folder(attempt.folder)
            if not attempt.is_folder_missing:
                attempt.phase = Phase.WITHDRAWN  # the daemon was killed before it could submit it
            return
        attempt.begun = begun or attempt.begun
        if record is not None:
            attempt.record, attempt.record_since, attempt.next_event = record, now, now

    def later(self, attempt: Attempt) -> None:
        """Look at an attempt no sooner than after the usual time: somebody else tells of it."""
        attempt.next_look = self._clock.monotonic() + LOOK_SECONDS

    def wait_seconds(self, attempts: Iterable[Attempt]) -> float | None:
        """Return when the next look is due; None if nothing is to be seen."""
        if not any(map(_is_to_see, attempts)):
            return None
        return max(0.0, self._next - self._clock.monotonic())


def has_ended(workspace: Workspace, name: str) -> bool:
    """Return whether the attempt that a job is named after has left its record; True if that cannot be seen now."""
    run_id, _, number = script.tail_of(name).partition("-")[2].rpartition(".")
    try:
        folder = workspace.attempt_dir(run_id, int(number))
        spec = specs.read(folder)
        return (
            script.tail_of(name).startswith(script.secret(spec.token))
            and exit_record.read(folder, spec.token) is not None
        )
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def _is_to_see(attempt: Attempt) -> bool:
    """Return whether an attempt may have begun: Slurm has it, or may have it from an earlier submission."""
    return attempt.phase not in {Phase.KEPT, Phase.ASKING, Phase.REFUSED} or attempt.submissions > 1
