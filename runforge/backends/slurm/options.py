"""The `[slurm]` settings as one value, and the arguments of `sbatch` that follow from them. Pure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runforge.amounts import duration
from runforge.backends.slurm import pilot_terms
from runforge.backends.slurm.pilot_terms import Terms
from runforge.config import SLURM_TIME
from runforge.core.resources import Resources
from runforge.errors import InvalidRequest

#: What RunForge says itself, or what would keep a job from running as one attempt. Long name: the short one.
REFUSED = {
    "job-name": "J",
    "output": "o",
    "error": "e",
    "input": "i",
    "chdir": "D",
    "array": "a",
    "wait": "W",
    "clusters": "M",
    "hold": "H",
    "wrap": "",
    "parsable": "",
    "requeue": "",
    "no-requeue": "",
    "open-mode": "",
    "test-only": "",
    "uid": "",
    "gid": "",
    "help": "h",
    "usage": "",
    "version": "V",
}
_SHORT = {short: name for name, short in REFUSED.items() if short}
#: Short options without a value: another may follow in the same word.
_FLAGS = "HIkOQsvVWh"
#: These settings are options of the same name.
_PLAIN = ("partition", "account", "qos", "constraint", "exclude", "export")
#: Clients read these too, and a daemon inside of an allocation has them; what the first ones say is ours to say.
_FOREIGN = ("SBATCH_", "SQUEUE_", "SCANCEL_", "SCONTROL_", "SACCT_", "SINFO_", "SLURM_")
#: Where Slurm is, and who asks.
_KEPT = {"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT"}


class SlurmOptions(NamedTuple):
    """What is asked of Slurm for every run. What is empty becomes no option at all: sites refuse some."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    exclude: str = ""
    #: In Slurm's form, for runs without a time limit of their own.
    time: str = ""
    #: In Slurm's form, for runs that name no memory.
    mem: str = ""
    #: For runs that name no number of CPUs.
    cpus: int | None = None
    #: What a GPU is called there, such as `gpu:a100`; or an option with {count}, such as `--gpus-per-node={count}`.
    gpu: str = "gpu"
    #: Lines of shell before python starts: `module load ...`.
    setup: tuple[str, ...] = ()
    #: The interpreter on the nodes; empty is the daemon's own path.
    python: str = ""
    export: str = ""
    #: More words for sbatch, as they are. They come last, so they win.
    extra: tuple[str, ...] = ()
    #: So many jobs may stand in Slurm's queue without having begun.
    ahead: int = 8
    #: Seconds between two looks at Slurm's queue.
    poll_seconds: float = 30.0
    #: So long an attempt on a node that was cut off has to end.
    fence_seconds: float = 30.0
    #: Allocations that take many short runs; None: every run is a job of its own.
    pilots: Terms | None = None


def from_settings(
    settings: Mapping[str, Any] | Any, words: str | None = None, ahead: int | None = None
) -> SlurmOptions:
    """Return the options of the settings `slurm.*`, with the daemon's own put over them.

    `words` are options as one would type them after `sbatch`. InvalidRequest names what cannot be.
    """
    found: dict[str, Any] = {}
    for name in SlurmOptions._fields:
        value = settings[f"slurm.{name}"]
        if value is not None:
            found[name] = tuple(value) if isinstance(value, list) else value
    if found.get("time"):
        found["time"] = _time(found["time"])
    if found.get("pilots"):
        usual = {"usual_cpus": found.get("cpus"), "usual_mem": found.get("mem", "")}
        time = _time(found["pilots"]["time"])
        found["pilots"] = pilot_terms.terms(found["pilots"], time=time, **usual)
    require_allowed(found.get("extra", ()), "[slurm] extra")
    if words:
        found["extra"] = (*found.get("extra", ()), *_split(words))
    if ahead is not None:
        found["ahead"] = ahead
    return SlurmOptions(**found)


def arguments(options: SlurmOptions, needs: Resources, time_limit_seconds: float | None = None) -> list[str]:
    """Return what sbatch is told of a run: what the run needs, and else what is usual here."""
    found = [f"--{name}={value}" for name in _PLAIN if (value := getattr(options, name))]
    time = options.time if time_limit_seconds is None else _minutes(time_limit_seconds)
    cpus = needs.cpus if needs.cpus > 1 else options.cpus
    mem = f"{needs.mem_mb}M" if needs.mem_mb else options.mem
    found += [
        f"--{name}={value}"
        for name, value in (("time", time), ("cpus-per-task", cpus), ("mem", mem))
        if value
    ]
    if needs.gpus:
        is_whole = options.gpu.startswith("-")
        found.append(
            options.gpu.replace("{count}", str(needs.gpus))
            if is_whole
            else f"--gres={options.gpu}:{needs.gpus}"
        )
    return [*found, *options.extra]


def of_pilot(options: SlurmOptions, pilot: Terms) -> list[str]:
    """Return what sbatch is told of a pilot: all of its slots on one node, for its time."""
    mem = f"{pilot.slots * pilot.mem_mb}M" if pilot.mem_mb else ""
    whole = options._replace(cpus=pilot.slots * pilot.cpus, mem=mem)
    return arguments(whole, Resources(), pilot.seconds)


def partition_of(words: Sequence[str]) -> str:
    """Return the partitions that options of sbatch name, as the last one does; empty if none does."""
    found = ""
    for word, following in zip(words, [*words, ""][1:], strict=True):
        name, mark, value = word.partition("=")
        if name in {"--partition", "-p"}:
            found = value if mark else following
        elif word.startswith("-p"):
            found = word[2:]
    return found


def require_allowed(words: Sequence[str], where: str) -> None:
    """Refuse words that are no options, and options that RunForge gives itself or that it cannot live with."""
    for place, word in enumerate(words):
        name = _refused(word)
        if name is not None:
            raise InvalidRequest(
                f"--{name} is RunForge's own business", where=where, fix=f"Remove {word.partition('=')[0]}"
            )
        before = words[place - 1] if place else ""
        if not word.startswith("-") and (not before.startswith("-") or "=" in before):
            raise InvalidRequest(
                f"{word[:40]!r} is no option of sbatch",
                where=where,
                fix="Write options only, such as --reservation=NAME",
            )


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that would speak to Slurm's commands behind the options' back."""
    return {
        name: value for name, value in variables.items() if name in _KEPT or not name.startswith(_FOREIGN)
    }


def _split(words: str) -> list[str]:
    try:
        found = shlex.split(words)
    except ValueError as error:
        raise InvalidRequest(
            f"{words[:60]!r}: {error}", where="--slurm", fix="Quote it as in a shell"
        ) from None
    require_allowed(found, "--slurm")
    return found


def _refused(word: str) -> str | None:
    """Return the long name of a refused option; sbatch takes the beginning of a long name for it."""
    if word.startswith("--"):
        given = word[2:].partition("=")[0]
        return next((name for name in REFUSED if given and name.startswith(given)), None)
    if word.startswith("-"):
        for letter in word[1:]:
            if letter in _SHORT:
                return _SHORT[letter]
            if letter not in _FLAGS:
                break
    return None


def _time(text: str) -> str:
    """Return a time in Slurm's form; it may be in RunForge's, such as 90m."""
    return text if SLURM_TIME.fullmatch(text) else _minutes(duration(text, "[slurm] time", least=1.0))


def _minutes(seconds: float) -> str:
    """Slurm counts in minutes, and the run's own limit must be over first."""
    return str(max(1, math.ceil(seconds / 60)))
