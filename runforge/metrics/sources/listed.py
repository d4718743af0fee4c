"""sources.jsonl of a run folder: which files and lines the run's metrics are read from (docs/metrics.md).

The supervisor writes it, a line at a time. All readers read it; a line that they do not understand is no harm.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from runforge.files.durable import open_file
from runforge.metrics.patterns import compiled
from runforge.metrics.sources.kinds import KINDS

NAME = "sources.jsonl"
#: How many files count; the first ones.
MOST_FILES = 64
_LIMIT = 512 * 1024
#: How a file became a source: a person named it, the run had it open, or it changed where only this run was.
NAMED, HELD, CHANGED = "named", "open", "changed"


class Source(NamedTuple):
    """A file with metrics, its format, and how it became one."""

    path: str
    kind: str
    by: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is known about where a run's metrics are."""

    files: tuple[Source, ...] = ()
    #: A person's pattern for the log.
    pattern: str | None = None
    #: Whether lines of the log count.
    reads_log: bool = True
    #: Files that could be this run's, or another one's.
    doubtful: tuple[str, ...] = field(default=())


def encode(
    *, file: Source | None = None, pattern: str | None = None, log: bool | None = None, doubtful: str = ""
) -> bytes:
    """Return a line."""
    entry: dict[str, Any] = {}
    if file is not None:
        entry = {"path": file.path, "kind": file.kind, "by": file.by}
    elif pattern is not None:
        entry = {"pattern": pattern}
    elif log is not None:
        entry = {"log": log}
    elif doubtful:
        entry = {"doubtful": doubtful}
    return json.dumps(entry).encode("ascii") + b"\n"


def read(run_dir: Path) -> Sources:
    """Return what a run folder lists."""
    try:
        descriptor = open_file(run_dir / NAME, os.O_RDONLY)
    except OSError:
        return Sources()
    try:
        return parse(os.pread(descriptor, _LIMIT, 0))
    except OSError:
        return Sources()
    finally:
        os.close(descriptor)


def parse(data: bytes) -> Sources:
    """Return what the lines say; a torn last line says nothing."""
    files: dict[str, Source] = {}
    doubtful: dict[str, None] = {}
    pattern, reads_log = None, True
    for line in data.split(b"\n")[:-1]:
        entry = _entry(line)
        source = _source(entry)
        if source is not None and len(files) < MOST_FILES:
            files.setdefault(source.path, source)
        if _is_pattern(entry.get("pattern")):
            pattern = entry["pattern"]
        if isinstance(entry.get("log"), bool):
            reads_log = entry["log"]
        if isinstance(entry.get("doubtful"), str) and len(doubtful) < MOST_FILES:
            doubtful[entry["doubtful"]] = None
    return Sources(tuple(files.values()), pattern, reads_log, tuple(p for p in doubtful if p not in files))


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _source(entry: dict[str, Any]) -> Source | None:
    path, kind, by = entry.get("path"), entry.get("kind"), entry.get("by")
    is_known = isinstance(kind, str) and kind in KINDS
    if not is_known or not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        return None
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return None
    return Source(path, str(kind), str(by))


def _is_pattern(pattern: object) -> bool:
    if not isinstance(pattern, str):
        return False
    try:
        compiled(pattern)
    except ValueError:
        return False
    return True
