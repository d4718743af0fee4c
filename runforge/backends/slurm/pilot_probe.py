"""Checks for `doctor` whether Slurm can grant the pilots that are set, and whether runs fit into them. Submits nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from runforge import cells
from runforge.backends.slurm import answers, pilot_terms, sinfo
from runforge.backends.slurm.calling import SCRIPT, call
from runforge.backends.slurm.options import SlurmOptions, of_pilot, partition_of
from runforge.backends.slurm.pilot_terms import Terms
from runforge.backends.slurm.sinfo import SlurmNode
from runforge.core.resources import Resources
from runforge.text import safe

_WHERE = "[slurm] pilots in config.toml"
#: `sbatch --test-only` names the partition that it has found.
_PARTITION = re.compile(r"in partition (\S+)")


def look(options: SlurmOptions, terms: Terms) -> list[tuple[str, str, str]]:
    """Return what is to be said of the pilots; the options that all jobs have are known to be taken."""
    words = of_pilot(options, terms)
    said = call(["sbatch", "--test-only", *words], SCRIPT)
    if not said.is_heard:
        return [("pilots", "warning", f"not checked: {safe(answers.reason(said.err))}")]
    nodes = sinfo.parse(call(sinfo.COMMAND).out)
    told = _PARTITION.search(said.err)
    there = sinfo.of_partition(nodes, told[1] if told else partition_of(words))
    if said.code != 0:
        why = safe(answers.reason(said.err))
        less = "`time`" if "time limit" in why.lower() else "`slots`, `cpus` or `mem`"
        text = f"Slurm does not grant {_asked(terms)}: {why}{sinfo.what_there_is(there)}. Lower {less} of {_WHERE}"
        return [("pilots", "problem", text)]
    longest = _longest(there)
    if longest is not None and longest < terms.seconds:
        text = (
            f"one would wait for ever: it asks for {cells.span(terms.seconds)}, and {there[0].partition} gives "
            f"{cells.span(longest)} at most. Lower `time` of {_WHERE}"
        )
        return [("pilots", "problem", text)]
    where = f", in {safe(told[1])}" if told else ""
    return [
        ("pilots", "ok", f"Slurm grants {_asked(terms)}{where}; {terms.most} at most"),
        *_fit(options, terms),
    ]


def _asked(terms: Terms) -> str:
    cpus = terms.slots * terms.cpus
    found = [f"{cpus} CPU{'' if cpus == 1 else 's'}"]
    if terms.mem_mb:
        found.append(f"{terms.slots * terms.mem_mb}M")
    slots = f"{terms.slots} slot{'' if terms.slots == 1 else 's'}"
    return f"{slots} on one node ({', '.join(found)}) for {cells.span(terms.seconds)}"


def _longest(nodes: Sequence[SlurmNode]) -> float | None:
    """Return the longest time that these nodes' partitions give to a job; None if it is not known."""
    try:
        return max((pilot_terms.time_seconds(node.limit) for node in nodes), default=None)
    except ValueError:
        return None  # infinite, or a form that this version does not know


def _fit(options: SlurmOptions, terms: Terms) -> Iterator[tuple[str, str, str]]:
    """Yield a warning if a run that names nothing does not fit, because of what is usual for runs."""
    usual = {"cpus": options.cpus, "mem": options.mem, "time": options.time}
    for name, value in usual.items():
        alone = {"usual_cpus": None, "usual_mem": "", "usual_time": "", f"usual_{name}": value}
        if value and pilot_terms.wish(terms, Resources(), None, was_lost=False, **alone) is None:  # type: ignore[arg-type]
            text = (
                f"a run that says nothing of `{name}` gets [slurm] {name} = {value}. That does not fit into a pilot, so "
                f"the run is a job of its own. Say less in `submit`, or raise `{name}` of {_WHERE}"
            )
            yield "pilots", "warning", text
