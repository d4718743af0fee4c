"""When something starts and ends, as a record. Light: `why` of a run that has ended works nothing out."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.metrics.pace import Going


class Estimate(NamedTuple):
    """When something starts and ends: about, and at the latest (in nine of ten cases). None is not known."""

    starts_at: str | None = None
    starts_at_latest: str | None = None
    ends_at: str | None = None
    ends_at_latest: str | None = None
    #: What it is based on: progress, recipe, group or unknown; and on how many runs.
    basis: str = "unknown"
    runs: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


class Outlook(NamedTuple):
    """When everything will be done."""

    now: str
    #: By job id.
    runs: dict[str, Estimate]
    #: By group id.
    groups: dict[str, Estimate]
    queue: Estimate
    #: How far the running ones are, by job id.
    going: dict[str, Going]
    #: How many runs wait for a person; no estimate counts them.
    put_aside: int = 0
