"""What a command that names several runs has changed, and what it has left as it was."""

from __future__ import annotations

from runforge.core.records import Job
from runforge.named import NamedTuple


class Changed(NamedTuple):
    """The runs that were changed, as they are now, and the others, each with the reason."""

    changed: list[Job]
    skipped: list[tuple[Job, str]]
