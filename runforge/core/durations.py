"""How long a run goes on: by its own progress, or as runs like it did. Pure; all times are seconds."""

from __future__ import annotations

import math

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _random import Random
    from collections.abc import Iterable, Sequence

HALF, NEARLY_ALL = 0.5, 0.9
#: How far a run's own progress may be wrong.
_ROUGHLY = 0.1


class Spread(NamedTuple):
    """How long runs like one took: their seconds in order, and what makes them like it: recipe or group."""

    seconds: tuple[float, ...] = ()
    basis: str = "unknown"

    def quantile(self, share: float) -> float | None:
        """Return how long so many of the runs took at most; None if nothing is known."""
        return quantile(self.seconds, share)


def spread(seconds: Iterable[float], basis: str) -> Spread:
    """Return how long runs took."""
    ordered = tuple(sorted(seconds))
    return Spread(ordered, basis) if ordered else Spread()


class Work(NamedTuple):
    """What is known of how long a run goes on: how runs like it did, and what it says itself."""

    like: Spread = Spread()
    elapsed: float = 0.0
    #: How much longer by its own progress.
    told: float | None = None

    def left(self, share: float) -> float | None:
        """Return how much longer it goes on, at most, in so many of the cases; None if nothing is known."""
        if self.told is not None:
            return self.told if share <= HALF else self.told * (1 + _ROUGHLY)
        if not self.like.seconds:
            return None
        found = quantile(self._longer, share)
        return 0.0 if found is None else found - self.elapsed

    @property
    def is_sure(self) -> bool:
        """Whether chance decides nothing: nothing is known, or all that is known is the same."""
        longer = self._longer
        return self.told is None and (not longer or longer[0] == longer[-1])

    def drawn(self, dice: Random, count: int) -> list[float]:
        """Return how much longer it may go on, so many times, by chance; infinite if nothing is known."""
        told, chance = self.told, dice.random
        if told is not None:
            return [told * (1 - _ROUGHLY + 2 * _ROUGHLY * chance()) for _ in range(count)]
        if not self.like.seconds:
            return [math.inf] * count
        longer, elapsed = self._longer or (self.elapsed,), self.elapsed
        return [longer[int(chance() * len(longer))] - elapsed for _ in range(count)]

    @property
    def _longer(self) -> tuple[float, ...]:
        """Those that took longer than this one has taken already."""
        known = self.like.seconds
        if known and known[0] > self.elapsed:
            return known
        return tuple(seconds for seconds in known if seconds > self.elapsed)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which so many of the ordered ones are; None if there are none."""
    if not ordered:
        return None
    place_of = share * (len(ordered) - 1)
    low = int(place_of)
    high = min(low + 1, len(ordered) - 1)
    if math.isinf(ordered[high]):
        return ordered[high] if place_of > low else ordered[low]
    return ordered[low] + (ordered[high] - ordered[low]) * (place_of - low)


def by_progress(done: float, elapsed: float, silent: float = 0.0, pace: float = 1.0) -> float | None:
    """Return how much longer a run goes on that has done a share of its work; None if it has done nothing.

    It said so `silent` seconds ago. `pace` is its speed of late, compared with that of the whole time.
    """
    if not 0 < done <= 1:
        return None
    until_told = max(0.0, elapsed - silent)
    return max(0.0, until_told * (1 - done) / done / min(10.0, max(0.1, pace)) - silent)


def pace(steps: Sequence[tuple[float, float]], elapsed: float) -> float:
    """Return the speed in the last quarter of the time, compared with that of the whole; 1 if it is not known.

    Each of the steps has its time, and the number of steps made until then.
    """
    late = [each for each in steps if each[0] >= 0.75 * elapsed]
    if len(late) < 2 or late[-1][0] <= late[0][0] or late[-1][1] <= 0 or late[-1][0] <= 0:
        return 1.0
    speed = (late[-1][1] - late[0][1]) / (late[-1][0] - late[0][0])
    return max(0.0, speed / (late[-1][1] / late[-1][0]))
