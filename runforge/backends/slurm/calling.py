"""Slurm's commands for a person who waits for their answer. A daemon never does: it has `commands`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from runforge.backends.slurm import answers
from runforge.backends.slurm.options import environment

#: So long an answer may take.
SECONDS = 20.0
#: A job that could be submitted.
SCRIPT = "#!/bin/sh\ntrue\n"


class Said(NamedTuple):
    """How a command has ended; without a code it has not ended in time, or could not be started."""

    code: int | None
    out: str
    err: str

    @property
    def is_heard(self) -> bool:
        """Whether Slurm has answered, be it by a refusal."""
        return self.code is not None and not (self.code and answers.is_unheard(self.err))


def call(argv: Sequence[str], given: str = "") -> Said:
    """Run a command of Slurm to its end."""
    try:
        done = subprocess.run(
            argv,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env=environment(os.environ),
        )
    except subprocess.TimeoutExpired:
        return Said(None, "", f"no answer for {SECONDS:.0f} s")
    except OSError as error:
        return Said(None, "", f"{argv[0]} cannot be started: {error.strerror}")
    return Said(done.returncode, done.stdout, done.stderr)
