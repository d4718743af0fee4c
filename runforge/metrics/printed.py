"""Metrics in what a run prints: `[RF:METRIC=name value step=N]`, anywhere in a line.

There may be a progress bar or a logger's time before the token. What looks like a metric token but is not one
is counted and reported. Standard library only: supervisors use it.
"""

from __future__ import annotations

import re

from runforge.metrics.points import Point, Rejected, name_of, step_of, value_of

#: The number of finished epochs, and of all epochs.
EPOCH = re.compile(rb"\[RF:EPOCH=(\d{1,9})/(\d{1,9})\]")
_NUMBER = rb"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?))"
#: A name may contain blanks and brackets, but no second token. The first step or epoch counts.
_TOKEN = re.compile(
    rb"\[RF:METRIC=((?:(?!\[RF:)[^\r\n]){0,511}?\S)[ \t]{1,16}(" + _NUMBER + rb")"
    rb"((?:[ \t]{1,16}(?:step|epoch)=" + _NUMBER + rb"){0,2})[ \t]{0,16}\]"
)
_STEP = re.compile(rb"(?:step|epoch)=(\S+)")
#: Almost a metric token.
_LOOKS = re.compile(rb"\[\s*RF\s*:\s*METRIC", re.IGNORECASE)
_COLOURS = re.compile(rb"\x1b\[[0-9;:?]*[A-Za-z]")
_LINE_LIMIT = 64 * 1024
#: Longer than any token.
_TOKEN_LIMIT = 2 * 1024


def metrics_in(line: bytes, rejected: Rejected) -> list[Point]:
    """Return the metrics of a line; count wrong ones."""
    if b"\x1b" in line:
        line = _COLOURS.sub(b"", line)
    looks = [match.start() for match in _LOOKS.finditer(line)]
    if not looks:
        return []
    found = {match.start(): point for match in _TOKEN.finditer(line) if (point := _point(*match.groups()))}
    strange = [start for start in looks if start not in found]
    if strange:
        rejected.add(line[strange[0] :], len(strange))
    return list(found.values())


def _point(name: bytes, value: bytes, steps: bytes) -> Point | None:
    known = name_of(name.decode("utf-8", "replace"))
    number = _number(value)
    if known is None or number is None:
        return None
    step = _STEP.search(steps)
    return Point(known, step_of(_number(step.group(1))) if step else None, number)


def _number(text: bytes) -> float | None:
    # 1e999 is infinity here as it is in metrics.jsonl.
    return value_of(float(text))


class PrintedMetrics:
    """Reads a run's output in any pieces."""

    def __init__(self) -> None:
        self._rest = b""
        self.rejected = Rejected()

    def feed(self, data: bytes) -> list[Point]:
        """Return the metrics of the lines that are complete now. A carriage return ends a line too."""
        text = self._rest + data
        if b"metric" not in text.lower() or not _LOOKS.search(_COLOURS.sub(b"", text)):
            self._rest = text[max(text.rfind(b"\n"), text.rfind(b"\r")) + 1 :][-_TOKEN_LIMIT:]
            return []
        *lines, self._rest = text.replace(b"\r", b"\n").split(b"\n")
        if len(self._rest) > _LINE_LIMIT:
            lines.append(self._cut_rest())
        return [point for line in lines for point in metrics_in(line, self.rejected)]

    def _cut_rest(self) -> bytes:
        """Return the beginning of a line that does not end, without a token that may still grow."""
        at = self._rest.rfind(b"[", len(self._rest) - _TOKEN_LIMIT)
        at = at if at >= 0 else len(self._rest)
        line, self._rest = self._rest[:at], self._rest[at:]
        return line

    def finish(self) -> list[Point]:
        """Return the metrics of a last line without a newline."""
        line, self._rest = self._rest, b""
        return metrics_in(line, self.rejected)
