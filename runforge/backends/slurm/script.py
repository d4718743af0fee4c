"""The name of an attempt's job, and the script that Slurm runs on the node. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from runforge import own_python
from runforge.backends.base import AttemptRef
from runforge.backends.slurm.options import SlurmOptions
from runforge.backends.slurm.pilot_terms import Terms
from runforge.digest import sha256_of
from runforge.supervise.node import NOT_OURS, OUTPUT

#: A supervisor that was killed ends with a code above this; what it has left must be ended too.
_SIGNALED = 128


def prefix(root: Path) -> str:
    """Return how the names of all jobs of a workspace begin."""
    return f"rf-{sha256_of(str(root).encode('utf-8', 'surrogateescape'))[:8]}-"


def tail(ref: AttemptRef) -> str:
    """Return the rest of the name of an attempt's job: its secret's digest, for names are public, and its run."""
    return f"{secret(ref.token)}-{ref.run_id}.{ref.attempt}"


def pilot_tail(digest: str) -> str:
    """Return the rest of the name of a pilot's job, from its secret's digest."""
    return f"{digest}-pilot.1"


def secret(token: str) -> str:
    """Return what a job's name has of the attempt's secret."""
    return sha256_of(token.encode())[:12]


def tail_of(name: str) -> str:
    """Return the rest of a job's name: the same wherever the workspace lies."""
    return name.split("-", 2)[-1]


def text(options: SlurmOptions, spec: Path, digest: str, kill_wait: float) -> bytes:
    """Return the script. Its shell outlives the supervisor, and ends what a killed one has left.

    `kill_wait`: the cluster kills so many seconds after TERM.
    """
    run = command(options, "runforge.supervise.on_node", str(spec), digest, f"{kill_wait:g}")
    fence = command(options, "runforge.supervise.fence", str(spec))
    return _text(options, run, f"[ $code -le {_SIGNALED} ] || {fence}")


def pilot_text(options: SlurmOptions, folder: Path, attempts: Path, token: str, terms: Terms) -> bytes:
    """Return the script of a pilot; its time counts from the script's first line."""
    numbers = [str(each) for each in (terms.slots, terms.cpus, terms.seconds, terms.idle)]
    words = str(folder), str(attempts), token, *numbers
    run = command(options, "runforge.backends.slurm.pilot_node", *words) + " $began"
    fence = command(options, "runforge.backends.slurm.pilot_fence", str(folder), str(attempts))
    return _text(options, run, f"[ $code -eq 0 ] || [ $code -eq {NOT_OURS} ] || {fence}")


def _text(options: SlurmOptions, run: str, fence: str) -> bytes:
    began, setup = "began=$(date +%s)", options.setup
    lines = ["#!/bin/sh", "trap : TERM INT HUP", began, *setup, run, "code=$?", fence, "exit $code"]
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"


def command(options: SlurmOptions, module: str, *words: str) -> str:
    """Return the shell's words that run the `main` of a module with the interpreter of the nodes."""
    found = own_python.command(module, *words)
    if options.python:
        found[0] = options.python
    return shlex.join(found)


def sbatch(name: str, folder: Path, given: Sequence[str]) -> list[str]:
    """Return the command that submits the script which it reads; `given` are the options for the run."""
    return [
        *("sbatch", "--parsable", "--no-requeue", f"--job-name={name}", f"--chdir={folder}"),
        *(f"--output={folder / OUTPUT}", "--open-mode=append", *given),
    ]
