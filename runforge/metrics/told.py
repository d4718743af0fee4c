"""What people are told about metrics that were not read, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from runforge.metrics.points import MOST_METRICS
from runforge.metrics.sources.listed import Sources
from runforge.text import safe


class Told:
    """Counts what one reader of a run has left out."""

    def __init__(self) -> None:
        self._count = 0
        self._first = ""
        self._unread: dict[str, int] = {}

    def leave_out(self, name: str) -> None:
        """Count a value of one metric too many."""
        self._first = self._first or safe(name)
        self._count += 1

    def skip(self, path: str, count: int) -> None:
        """Note the bytes of a file that were not read."""
        self._unread[path] = count

    def sentences(self) -> Iterator[str]:
        """Yield sentences."""
        if self._count:
            yield (
                f"{self._count:,} values were left out: the run has more than {MOST_METRICS:,} metrics: "
                f"first: {self._first}"
            )
        for path, count in self._unread.items():
            yield f"{count:,} bytes in the middle of {safe(path)} were not read: it is too large"


def of_sources(sources: Sources) -> Iterator[str]:
    """Yield a sentence about files that nobody can tell apart."""
    count = len(sources.doubtful)
    if count:
        files = "file" if count == 1 else "files"
        yield (
            f"{count} {files} could be this run's, or another one's of the same folder: "
            f"{safe(sources.doubtful[0])}; --metrics PATH says which"
        )
