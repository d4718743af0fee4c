"""Which runs of a submission are new to their group."""

from __future__ import annotations

from runforge.core.states import State
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.sweeps.run_overrides import RunOverrides


class Known(NamedTuple):
    """A run of a group that does already what another was to do."""

    number: int
    state: str


class Sifted(NamedTuple):
    """The runs of a sweep that are new to its group, and those that it has."""

    new: list[RunOverrides]
    known: list[Known]
    #: How many of the runs do the same as another of them.
    doubles: int = 0

    def words(self, group: str) -> str:
        """Return `12 new; 8 known (5 succeeded, 2 running, 1 failed: runforge retry lm)`."""
        parts = [f"{len(self.new):,} new"]
        if self.known:
            from collections import Counter  # few submissions find any

            counts = Counter(run.state for run in self.known)
            states = ", ".join(f"{counts[state]:,} {state}" for state in map(str, State) if counts[state])
            again = f": runforge retry {group}" if counts["failed"] or counts["canceled"] else ""
            parts.append(f"{len(self.known):,} known ({states}{again})")
        if self.doubles:
            parts.append(f"{self.doubles:,} the same as another")
        return "; ".join(parts)
