"""One pilot as the daemon sees it: its job, its slots, the orders that it has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from runforge import clock as clocks
from runforge.backends.base import AttemptRef
from runforge.backends.slurm import pilot_files
from runforge.backends.slurm.attempts import Attempt, adopted
from runforge.backends.slurm.pilot_files import End, Order
from runforge.backends.slurm.pilot_terms import Terms
from runforge.files import tail
from runforge.files.durable import make_dir, read_bounded, write_atomic
from runforge.supervise.node import OUTPUT
from runforge.text import safe

#: Seconds between two looks at the ends: at least, at most, and as a share of the time without news. So a slot is idle
#: for a tenth of what its run took, or less.
_FIRST_PAUSE, _LAST_PAUSE, _SHARE = 0.02, 1.0, 0.1
_ABOUT_LIMIT = 4096
_SAID_LIMIT = 4096


class Pilot:
    """A pilot. `job` is its job in Slurm, in the form of an attempt: submitted, begun and over as one of these."""

    def __init__(self, job: Attempt, terms: Terms, now: float) -> None:
        self.job = job
        self.terms = terms
        self._orders = pilot_files.orders(job.folder, terms.slots)
        self._ends = pilot_files.ends(job.folder, terms.slots)
        #: What each slot has that is not over.
        self._places: list[Order | None] = [None] * terms.slots
        self._number = 0
        #: It is given nothing more: it has sent something back.
        self.is_closing = False
        self.has_worked = False
        #: It was seen to be over, and what follows from that was done.
        self.is_settled = False
        self._news_at = now
        self.next_look = now

    # --- being there ---------------------------------------------------------------------------

    @classmethod
    def made(cls, token: str, folder: Path, name: str, terms: Terms, now: float) -> Pilot:
        """Make the files of a new pilot. Raises OSError."""
        make_dir(folder.parent)
        make_dir(folder)
        pilot = cls(Attempt(_ref(token), folder, name, is_usual=False), terms, now)
        pilot._orders.create()
        pilot._ends.create()
        about = json.dumps({**terms._asdict(), "token": token}).encode()
        write_atomic(folder / pilot_files.ABOUT, about, durable=False)
        return pilot

    @classmethod
    def found(cls, folder: Path, name: str, now: float) -> Pilot:
        """Return one that an earlier daemon has made. Raises OSError, ValueError, TypeError or KeyError."""
        about = json.loads(read_bounded(folder / pilot_files.ABOUT, _ABOUT_LIMIT))
        token = str(about.pop("token"))
        pilot = cls(adopted(_ref(token), folder, name, now), Terms(**about), now)
        for place, order in pilot._orders.news():
            pilot._places[place] = order
            pilot._number = max(pilot._number, order.number)
        pilot.has_worked = pilot._number > 0
        return pilot

    def remove(self) -> None:
        """Delete its files. A job of its that begins later finds nothing to do."""
        shutil.rmtree(self.job.folder, ignore_errors=True)

    # --- what it can do ------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Whether it works, as far as is known."""
        return self.job.begun is not None and self.job.record is None and not self.is_settled

    @property
    def free(self) -> int:
        """How many orders it takes now."""
        return self._places.count(None) if self.is_up and not self.is_closing else 0

    def has_time(self, limit: float | None, now: str) -> bool:
        """Return whether a run may begin there, by the clock of its node; the pilot itself has the last word."""
        begun = self.job.begun
        age = 0.0 if begun is None else max(0.0, clocks.seconds_between(begun.at, now))
        return not self.is_closing and self.terms.takes(limit, self.terms.useful_seconds - age)

    @property
    def orders(self) -> list[Order]:
        """The orders that are not over."""
        return [order for order in self._places if order is not None]

    # --- speaking with it ----------------------------------------------------------------------

    def give(self, order: Order, now: float) -> None:
        """Give it an order; `free` says that there is a slot. Raises OSError."""
        place = self._places.index(None)
        order = order._replace(number=self._number + 1)
        self._orders.write(place, order)
        self._places[place] = order
        self._number += 1
        self._look_soon(now)

    def cancel(self, token: str, now: float) -> None:
        """Tell it that an attempt is to end, or not to begin. Raises OSError."""
        for place, order in enumerate(self._places):
            if order is not None and order.token == token and not order.is_canceled:
                self._places[place] = told = order._replace(is_canceled=True)
                self._orders.write(place, told)
                self._look_soon(now)

    def _look_soon(self, now: float) -> None:
        self._news_at = now
        self.next_look = now + _FIRST_PAUSE

    def ended(self, now: float) -> Iterator[tuple[Order, End]]:
        """Yield the orders that are newly over. Raises OSError."""
        for place, end in self._ends.news():
            order = self._places[place]
            if order is not None and order.number == end.number:
                self._places[place] = None
                self._news_at = now
                yield order, end
        self.next_look = now + min(max(_FIRST_PAUSE, _SHARE * (now - self._news_at)), _LAST_PAUSE)

    # --- its end -------------------------------------------------------------------------------

    def last_words(self) -> str:
        """Return why it ended, as far as Slurm, its shell or its Python says."""
        job = self.job
        if job.refusal is not None:
            return job.refusal
        state = f"Slurm says {job.row.state}" if job.row is not None else "Slurm does not have it any more"
        lines = tail.lines(job.folder / OUTPUT, _SAID_LIMIT).decode("utf-8", "replace").split("\n")
        said = next((safe(line.strip()) for line in reversed(lines) if line.strip()), "")
        return f"{state}: {said}" if said else state


def _ref(token: str) -> AttemptRef:
    return AttemptRef("pilot", 1, token, "")
