"""JSON lines as a source: MMEngine's scalars.json, and metrics.jsonl of a run. `jsonl` knows the lines."""

from __future__ import annotations

from runforge.metrics import jsonl
from runforge.metrics.points import Point


class JsonLinesReader:
    """Reads JSON lines in any pieces."""

    def __init__(self) -> None:
        self.reader = jsonl.PointReader()
        self._is_torn = False

    def feed(self, data: bytes) -> list[Point]:
        """Return the points of the lines that are complete now."""
        if self._is_torn:
            _, newline, data = data.partition(b"\n")
            self._is_torn = not newline
        return list(self.reader.feed(data)) if data else []

    def finish(self) -> list[Point]:
        """Return the points of a last line that lacks only its newline. A torn line may still grow."""
        return list(self.reader.finish_if_whole())

    def gap(self) -> None:
        """Expect bytes of a later place, which may begin within a line."""
        self.reader.drop_rest()
        self._is_torn = True

    def sentences(self) -> list[str]:
        """Return nothing: a tool may write other lines too."""
        return []


class OwnLinesReader(JsonLinesReader):
    """Reads metrics.jsonl of a run."""

    def sentences(self) -> list[str]:
        """Return sentences about lines that are no metrics."""
        return list(self.reader.sentences())
