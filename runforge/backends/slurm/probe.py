"""Tries out whether runs can go over Slurm: commands, options, and by a job of a minute a node and the shared folder.

Blocks, unlike the backend: it is for a person who waits for it. Each finding is a row: name, `ok`, `warning` or
`problem`, and a text that says what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runforge import __version__
from runforge.backends.slurm import answers, calling, listing, pilot_probe, script, sinfo
from runforge.backends.slurm import probe_files as files
from runforge.backends.slurm.answers import Kind
from runforge.backends.slurm.calling import SCRIPT, call
from runforge.backends.slurm.options import SlurmOptions, arguments, partition_of
from runforge.core.resources import Resources
from runforge.supervise.node import OUTPUT
from runforge.text import safe

Row = tuple[str, str, str]
PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol")
#: So long a person waits for a node; a full cluster needs longer.
_NODE_SECONDS = 120.0
_LATE_SECONDS = 60.0
_POLL = 0.05
#: A clock that is so wrong confuses people who read logs; nothing else.
_CLOCK_SECONDS = 5.0
_LEAST_KILL_WAIT = 15


def commands(options: SlurmOptions) -> list[Row]:
    """Return what the commands say: whether they are there, whether Slurm answers, and whether it takes the options."""
    gone = [name for name in PROGRAMS if shutil.which(name) is None]
    if gone:
        what = f"{', '.join(gone)}: not on the PATH. Load Slurm's module, or use a login node"
        return [("slurm", "problem", what)]
    version = call(["sbatch", "--version"]).out.strip()
    asked = call(["scontrol", "show", "config"])
    if asked.code != 0:
        why = (
            answers.reason(asked.err) if asked.code is not None else f"no answer for {calling.SECONDS:.0f} s"
        )
        return [
            ("slurm", "problem", f"{version} does not answer: {why}. Try later, or ask who runs the cluster")
        ]
    config = {
        name.strip(): value.strip()
        for name, _, value in (line.partition("=") for line in asked.out.splitlines())
    }
    found = [("slurm", "ok", f"{version}, cluster {safe(config.get('ClusterName', '?'))}")]
    found += _settings(config)
    found.append(_options(options))
    if options.pilots is not None and found[-1][1] == "ok":
        found += pilot_probe.look(options, options.pilots)
    return found


def _settings(config: dict[str, str]) -> Iterator[Row]:
    kill_wait = config.get("KillWait", "").partition(" ")[0]
    if kill_wait.isdecimal() and int(kill_wait) < _LEAST_KILL_WAIT:
        text = f"KillWait is {kill_wait} s: a run that Slurm ends has little time to save. Ask for {_LEAST_KILL_WAIT} s or more"
        yield "slurm", "warning", text
    if "none" in config.get("AccountingStorageType", "none"):
        text = f"accounting is off: how a job ended is known for {config.get('MinJobAge', '?')}"
        yield "slurm", "ok", text


def _options(options: SlurmOptions) -> Row:
    words = arguments(options, Resources())
    shown = safe(" ".join(words)) or "a job without options"
    said = call(["sbatch", "--test-only", *words], SCRIPT)
    if said.code == 0:
        return "options", "ok", f"Slurm takes {shown}"
    if not said.is_heard:
        return "options", "warning", f"not checked: {safe(answers.reason(said.err))}"
    nodes = sinfo.of_partition(sinfo.parse(call(sinfo.COMMAND).out), partition_of(words))
    why = f"{safe(answers.reason(said.err))}{sinfo.what_there_is(nodes)}"
    text = f"Slurm refuses {shown}: {why}. See `sinfo -s`, then [slurm] in config.toml"
    return "options", "problem", text


# --- the job ---------------------------------------------------------------------------------------


def node(hidden: Path, options: SlurmOptions, tell: Callable[[str], None]) -> list[Row]:
    """Submit a job of a minute that looks at a node and at the folder `hidden`; return what it found.

    `tell` hears what is waited for. The folder of the probe is removed in the end.
    """
    folder = hidden / f"probe-{os.urandom(6).hex()}"
    folder.mkdir(mode=0o700)
    name = f"rf-{folder.name}"
    try:
        with open(folder / files.LOCK, "wb") as lock:
            with contextlib.suppress(OSError):  # then the node finds none
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _probe(folder, name, options, tell)
    finally:
        call(["scancel", f"--name={name}"])
        shutil.rmtree(folder, ignore_errors=True)


def _probe(folder: Path, name: str, options: SlurmOptions, tell: Callable[[str], None]) -> list[Row]:
    mine = folder / "login"
    mine.write_bytes(b"")
    files.prepare(folder)
    for number in range(files.NAMES):
        files.take(folder, "taken", number, mine)
    os.path.exists(folder / files.FROM_NODE)  # it is known not to be there
    lines = [
        "#!/bin/sh",
        *options.setup,
        "exec " + script.command(options, "runforge.backends.slurm.probe_node", str(folder)),
    ]
    said = call(script.sbatch(name, folder, arguments(options, Resources(), 60.0)), "\n".join(lines) + "\n")
    if answers.kind(said.err, said.code, said.out) is not Kind.ACCEPTED:
        return [("node", "problem", f"the probe was not submitted: {safe(answers.reason(said.err))}")]
    tell(f"Waiting for a node (job {answers.job_id(said.out)}, at most {_NODE_SECONDS:.0f} s)")
    row: listing.Row | None = None
    deadline, next_list = time.monotonic() + _NODE_SECONDS, time.monotonic() + 2.0
    while not (facts := files.heard(folder)) and time.monotonic() < deadline:
        if time.monotonic() >= next_list:
            asked = call(["squeue", "-h", "-t", "all", f"--name={name}", "-o", listing.FORMAT])
            row = listing.parse(asked.out).get(name, row)
            next_list = time.monotonic() + 5.0
            if row is not None and row.is_over:
                facts = files.heard(folder)  # written meanwhile
                break
        time.sleep(_POLL)
    return _facts(folder, facts) if facts else [_nothing(folder, row)]


def _nothing(folder: Path, row: listing.Row | None) -> Row:
    """Return why the node has said nothing."""
    if row is None or not row.is_over:
        why = f": {safe(row.reason or row.state)}" if row is not None else ""
        return (
            "node",
            "warning",
            f"no node took the probe in {_NODE_SECONDS:.0f} s{why}. Try again when there is room",
        )
    lines = _text(folder / OUTPUT).strip().splitlines()
    if lines:
        text = f"on {safe(row.node)} the probe failed: {safe(lines[-1])[:200]}. Set `python` or `setup` in [slurm]"
    else:
        text = f"{safe(row.node)} does not see {folder.parent}: the workspace must lie on a file system that all nodes share"
    return "node", "problem", text


def _facts(folder: Path, facts: dict[str, Any]) -> list[Row]:
    """Return what the node has said, and how the folder behaves between it and this machine."""
    seen_at = time.monotonic()
    ahead = facts.get("clock", time.time()) - time.time()
    host = safe(str(facts.get("host")))
    name_seconds = _until(lambda: os.path.exists(folder / files.FROM_NODE), seen_at)
    (folder / files.FROM_LOGIN).write_bytes(b"")
    made_at = time.monotonic()
    order_seconds = _until(lambda: files.heard(folder).get("sees_order"), made_at)
    # From the other end, so that both sides meet in the middle.
    mine = [
        number
        for number in reversed(range(files.NAMES))
        if files.take(folder, "race", number, folder / "login")
    ]
    _until(lambda: "won" in files.heard(folder), time.monotonic())
    theirs = files.heard(folder).get("won")
    found = [_python(host, facts), ("folder", "ok", f"{host} sees {folder.parent}")]
    found.append(_links(int(facts.get("stolen", 0)), mine, theirs))
    found += [
        _late(name_seconds, f"a new name of {host} is seen here"),
        _late(order_seconds, f"{host} sees a new name of here"),
    ]
    locks = (
        "are seen by the other side"
        if facts.get("shares_locks")
        else "end at the host (RunForge does not need more)"
    )
    found.append(("locks", "ok", f"flock: they {locks}"))
    if abs(ahead) > _CLOCK_SECONDS:
        text = f"that of {host} is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}: times in logs do not agree"
        found.append(("clock", "warning", text))
    else:
        found.append(("clock", "ok", f"that of {host} agrees within {_CLOCK_SECONDS:.0f} s"))
    return found


def _python(host: str, facts: dict[str, Any]) -> Row:
    text = f"{host}: Python {safe(str(facts.get('python')))}, RunForge {safe(str(facts.get('runforge')))}"
    if facts.get("gpus"):
        text += f", GPUs {safe(str(facts['gpus']))}"
    if facts.get("runforge") != __version__:
        return "node", "problem", f"{text}; here it is {__version__}. Set `python` in [slurm] to this one's"
    return "node", "ok", text


def _links(stolen: int, mine: list[int], theirs: list[int] | None) -> Row:
    if theirs is None:
        return "links", "warning", "not checked: the node did not answer in time"
    both, nobody = set(mine) & set(theirs), files.NAMES - len({*mine, *theirs})
    if stolen or both or nobody:
        what = f"{stolen + len(both)} names were made twice, {nobody} by nobody"
        text = (
            f"link() does not have one winner here: {what}. Runs could start twice: use another file system"
        )
        return "links", "problem", text
    return (
        "links",
        "ok",
        f"link() has one winner ({files.NAMES} names: {len(mine)} here, {len(theirs)} there)",
    )


def _late(seconds: float | None, what: str) -> Row:
    if seconds is None:
        text = f"{what} not within {_LATE_SECONDS:.0f} s: cancels come late. Mount it without `nocto`, with a short `acdirmax`"
        return "names", "warning", text
    return "names", "ok", f"{what} after {seconds:.1f} s"


def _until(condition: Callable[[], object], since: float) -> float | None:
    """Return after how many seconds a condition has come; None if it does not come."""
    while time.monotonic() - since < _LATE_SECONDS:
        if condition():
            return time.monotonic() - since
        time.sleep(_POLL)
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
