"""The runs that a daemon watches now. Live handles; nothing of it is ever persisted."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from runforge.core.outcome import Ending
from runforge.core.records import Job


@dataclass(slots=True)
class Active:
    """A running job as this process sees it."""

    job: Job
    token: str
    attempt_dir: Path
    #: Attempts that the job has lost before they started, since it was last retried.
    unstarted: int = 0
    #: Readable when the attempt or its supervisor has ended; None until the zygote answers, or without one.
    handle: int | None = None
    #: Asked of a zygote that has not answered yet.
    is_launching: bool = False
    #: The supervisor is gone, or never came to be: its end is to be judged.
    is_over: bool = False
    #: The end is known and waits to be written (the disk may be full).
    ending: Ending | None = None
    #: The machine's failure that kept it from starting, or from being judged.
    refusal: int | None = None
    #: What a sweep could not kill: until it is gone the attempt has not ended.
    survivors: list[int] = field(default_factory=list)
    cancel_sent: bool = False

    def close(self) -> None:
        """Give the kernel handle back."""
        if self.handle is not None:
            with contextlib.suppress(OSError):
                os.close(self.handle)
            self.handle = None
