"""How the log of a failed run ends: its last line, often the reason, and its last exception."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runforge.documents.secrets import masked
from runforge.files import tail
from runforge.text import safe, safe_log

if TYPE_CHECKING:
    from runforge.core.outcome import Told

#: Only the end of a log is read.
_TAIL_BYTES = 16 * 1024
_LONGEST = 300
#: What RunForge writes, and what is printed for it.
_OURS = re.compile(r"\[(?:RF:|RunForge: ).*\]")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?::.*|)")
#: Some libraries add advice of several lines to an exception. What comes later was not the end.
_MOST_ADVICE = 10


class LastWords(NamedTuple):
    """How a log ends: its last line for people, and what its last exception says, to compare it with others."""

    line: str | None = None
    told: Told | None = None


def of(tail: str) -> LastWords:
    """Return how a log with this end ends, harmless and short."""
    from runforge.core import failure_tail  # only failed runs need it

    lines = [line for line in safe_log(tail).splitlines() if _is_said(line)]
    if not lines:
        return LastWords()
    told = failure_tail.told(lines)
    line = safe(masked((_exception(lines) or lines[-1]).strip()), _LONGEST)
    return LastWords(line, told and told._replace(line=masked(told.line)))


def tail_of(run_dir: Path) -> str:
    """Return the end of a run's log. OSError if it cannot be read now."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return tail.read(run_dir / "logs.txt", _TAIL_BYTES)[0].decode("utf-8", "replace")
    return ""


def _is_said(line: str) -> bool:
    return bool(line.strip()) and not _OURS.fullmatch(line.strip())


def _exception(lines: list[str]) -> str | None:
    """Return the exception of a traceback with which the log ends; its text may have more lines."""
    starts = [index for index, line in enumerate(lines) if line.strip() == _TRACEBACK]
    for index in range(starts[-1] + 1 if starts else len(lines), len(lines)):
        if not lines[index].startswith((" ", "\t")):
            is_near = len(lines) - index <= _MOST_ADVICE and _EXCEPTION.fullmatch(lines[index])
            return lines[index] if is_near else None
    return None
