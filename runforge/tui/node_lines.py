"""The nodes of a cluster in lines: how they are, which runs are on them, what these have asked for, and which wait."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from runforge import cells
from runforge.text import safe
from runforge.views.daemon_status import DaemonStatus
from runforge.views.nodes import Node, Nodes, OnNode

_MB = 1024 * 1024
#: So many of those that wait are shown.
_MOST_WAITING = 8
#: So many of those that take no jobs are named.
_MOST_OUT = 4


def lines(nodes: Nodes, daemon: DaemonStatus) -> Iterator[Text]:
    """Yield the lines: how old this is, then node by node."""
    age = "never" if daemon.heartbeat_age is None else f"{cells.span(daemon.heartbeat_age)} ago"
    yield Text(f"  as the daemon wrote it {age}; Slurm itself is not asked for this screen", "dim")
    if daemon.shortage is not None and daemon.shortage.kind == "slurm":
        yield Text(f"  {safe(daemon.shortage.text, 200)}", "red")
    yield from _states(nodes)
    if not nodes.with_runs:
        yield Text("  no run is on a node, and none waits for one", "dim")
    for node in nodes.with_runs:
        yield Text(f"  {_named(node)}", "bold")
        most = len(node.runs) if node.name else _MOST_WAITING
        for run in node.runs[:most]:
            yield Text(f"    {_line(run)}", "cyan" if node.name else "")
        if len(node.runs) > most:
            yield Text(f"    and {len(node.runs) - most} more", "dim")


def _states(nodes: Nodes) -> Iterator[Text]:
    """Yield how many nodes are in which state, and which take no jobs."""
    if nodes.seconds is None:
        return
    counts = ", ".join(f"{count} {safe(state, 20)}" for state, count in nodes.counts.items())
    yield Text(f"  as Slurm said {cells.span(nodes.seconds)} ago: {counts or 'no node'}", "dim")
    shown = [f"{safe(node.name, 40)} {_how(node)}" for node in nodes.out[:_MOST_OUT]]
    if shown:
        more = len(nodes.out) - len(shown)
        yield Text(f"  without jobs: {', '.join(shown)}{f' and {more} more' if more else ''}", "yellow")


def _how(node: Node) -> str:
    state = safe(node.state, 20)
    return f"{state} ({safe(node.reason, 80)})" if node.reason else state


def _named(node: Node) -> str:
    count = f"{len(node.runs)} run{'' if len(node.runs) == 1 else 's'}"
    asked = [f"{node.cpus} CPU{'' if node.cpus == 1 else 's'}"]
    if node.gpus:
        asked.append(f"{node.gpus} GPU{'' if node.gpus == 1 else 's'}")
    if node.mem_mb:
        asked.append(cells.size(node.mem_mb * _MB))
    how = f", {_how(node)}" if node.state else ""
    where = f"{safe(node.name, 40)}{how}: {count}" if node.name else f"in Slurm's queue: {count}"
    return f"{where}; asked for {', '.join(asked)}"


def _line(run: OnNode) -> str:
    state = cells.state_cell("queued" if run.seconds is None else "running")
    named = f"#{run.number} {safe(run.name or run.run_id, 60)}"
    job = "" if run.job is None else f"  job {safe(run.job, 20)}"
    more = safe(run.reason or "", 100) if run.seconds is None else cells.duration(run.seconds)
    return f"{state}  {named}{job}  {more}"
