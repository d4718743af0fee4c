"""The last value of each metric of a run that has ended, from all of its sources, for result.json.

Reads each file once, and of large files only the ends.
"""

from __future__ import annotations

from pathlib import Path

from runforge.metrics import jsonl, naming
from runforge.metrics.follow import read_ends
from runforge.metrics.jsonl import LastValues
from runforge.metrics.naming import LOG, OWN, Part
from runforge.metrics.opening import path_of, plain_of, reader_of
from runforge.metrics.points import MOST_METRICS, Point, Rejected
from runforge.metrics.sources import listed
from runforge.metrics.sources.listed import Source
from runforge.metrics.told import Told, of_sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: How much is read of the log, and of all other files together.
LOG_LIMIT = 8 * 1024 * 1024
_LIMIT = 64 * 1024 * 1024


class RunValues:
    """What is left of a run's metrics at its end."""

    def __init__(
        self,
        run_dir: Path,
        limit: int = _LIMIT,
        printed: Rejected | None = None,
        own: LastValues | None = None,
    ) -> None:
        """Read the files; `own` is what is known of metrics.jsonl already."""
        own = own or jsonl.read_last(run_dir / jsonl.NAME, min(limit, jsonl.MOST_BYTES))
        if printed is not None:
            own.reader.rejected = printed.plus(own.reader.rejected)
        self._run_dir = run_dir
        self._told = Told()
        self._said: list[str] = list(own.sentences())
        self._sources = listed.read(run_dir)
        used = naming.in_use(self._sources)
        share = limit // len(used)
        parts = [Part(OWN, own.points), *(self._of(source, share) for source in used if source != OWN)]
        found: dict[str, tuple[Point, Source]] = naming.merged(parts, lambda _, second: second)
        self._merged = found
        self.last = {name: point.value for name, (point, _) in found.items()}

    def _of(self, source: Source, share: int) -> Part[Point]:
        reader, path = reader_of(source, self._sources), path_of(self._run_dir, source)
        limit = min(share, LOG_LIMIT) if source == LOG else share
        found = self._last(read_ends(path, reader, limit, lambda count: self._skipped(source, count)))
        self._said += [f"{source.path}: {sentence}" for sentence in reader.sentences()]
        return Part(source, found, plain_of(reader))

    def _skipped(self, source: Source, count: int) -> None:
        if source != LOG:  # most of a long log is no metrics
            self._told.skip(source.path, count)

    def _last(self, points: Iterator[Point]) -> dict[str, Point]:
        found: dict[str, Point] = {}
        for point in points:
            if point.name in found or len(found) < MOST_METRICS:
                found[point.name] = point
            else:
                self._told.leave_out(point.name)
        return found

    def steps(self) -> list[float]:
        """Return the steps of the last values, as far as they have some."""
        return [point.step for point, _ in self._merged.values() if point.step is not None]

    def sentences(self) -> list[str]:
        """Return sentences for people about what was not read."""
        return [*self._said, *self._told.sentences(), *of_sources(self._sources)]

    def sources(self) -> list[dict[str, Any]]:
        """Return where the metrics are from that the run did not report itself, for result.json."""
        names: dict[Source, list[str]] = {}
        for name, (_, source) in self._merged.items():
            names.setdefault(source, []).append(name)
        return [
            {"path": source.path, "kind": source.kind, "by": source.by, "metrics": found}
            for source, found in names.items()
            if source != OWN
        ]

    def primary(self) -> str | None:
        """Return the name of the run's main metric."""
        return naming.primary(self._merged)
