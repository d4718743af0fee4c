"""Which format a file has, by its name or by how it begins, and how its metrics are called.

Only the names of well-known tools are taken for metrics without being asked.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable

from runforge.metrics.points import name_of
from runforge.metrics.sources import wandb
from runforge.metrics.sources.lines import JsonLinesReader
from runforge.metrics.sources.reader import Reader
from runforge.metrics.sources.table import TableReader
from runforge.metrics.sources.tensorboard import EventReader, is_event_file
from runforge.metrics.sources.trainer_state import TrainerStateReader
from runforge.metrics.sources.wandb import WandbReader

TENSORBOARD, WANDB, TABLE, LINES, TRAINER = "tensorboard", "wandb", "table", "lines", "trainer"
#: In which order they count for a name that several have.
ORDER = (TENSORBOARD, WANDB, TABLE, LINES)
KINDS: dict[str, Callable[[], Reader]] = {
    TENSORBOARD: EventReader,
    WANDB: WandbReader,
    TABLE: TableReader,
    LINES: JsonLinesReader,
    TRAINER: TrainerStateReader,
}
#: A file whose path ends like this belongs to the tool.
_KNOWN = (
    (re.compile(r"/[^/]*tfevents[^/]*$"), TENSORBOARD),
    (re.compile(r"/[^/]*run-[^/]*/[^/]*\.wandb$"), WANDB),
    (re.compile(r"/version_\d+/metrics\.csv$"), TABLE),
    (re.compile(r"/(?:results|history|training_log|progress)\.csv$"), TABLE),
    (re.compile(r"/catboost_info/(?:.*/)?(?:learn|test)_error\.tsv$"), TABLE),
    (re.compile(r"/dvclive/plots/metrics/.+\.tsv$"), TABLE),
    (re.compile(r"/(?:scalars|metrics|\d{8}_\d{6}\.log)\.json$"), LINES),
    (re.compile(r"/trainer_state\.json$"), TRAINER),
)
_CATBOOST = re.compile(r"/catboost_info/(?:.*/)?(learn|test)(?:_error\.tsv|/events[^/]*)$")
_DVCLIVE = re.compile(r"/dvclive/plots/metrics/(.+)\.tsv$")
_CHECKPOINT = re.compile(r"/checkpoint-\d+/[^/]*$")


def kind_of_name(path: str) -> str | None:
    """Return the format of a well-known file; None for any other."""
    return next((kind for pattern, kind in _KNOWN if pattern.search(path)), None)


def kind_of_start(path: str, start: bytes) -> str:
    """Return the format of a file that a person has named, from its name and its first bytes."""
    if start.startswith(wandb.START):
        return WANDB
    if is_event_file(start):
        return TENSORBOARD
    known = kind_of_name(path)
    if known not in {None, LINES}:
        return str(known)
    text = start.lstrip()
    if not text.startswith((b"{", b"[")):
        return TABLE
    line, newline, _ = text.partition(b"\n")
    return LINES if line.startswith(b"{") and _is_json(line, is_whole=bool(newline)) else TRAINER


def _is_json(line: bytes, *, is_whole: bool) -> bool:
    """Return whether a file's first line is a document of its own, as far as it is known."""
    if not is_whole:
        return True
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def place(path: str) -> str:
    """Return the folder by which files of a tool are told apart."""
    match = _CHECKPOINT.search(path)
    return path[: match.start()] if match is not None else os.path.dirname(path)


def own_name(path: str, metric: str) -> str:
    """Return a metric's name with what the file's name says."""
    catboost = _CATBOOST.search(path)
    if catboost is not None:
        return f"{catboost.group(1)}/{metric}"
    dvclive = _DVCLIVE.search(path)
    return (name_of(dvclive.group(1)) or metric) if dvclive is not None else metric


def says_its_name(path: str) -> bool:
    """Return whether `own_name` is enough to tell a tool's files apart."""
    return bool(_CATBOOST.search(path) or _DVCLIVE.search(path))


def checkpoint(path: str) -> int:
    """Return the number of the checkpoint that a file belongs to. One beside the checkpoints is the newest."""
    match = re.search(r"/checkpoint-(\d{1,18})/[^/]*$", path)
    return int(match.group(1)) if match else sys.maxsize
