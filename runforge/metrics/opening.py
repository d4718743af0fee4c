"""Which file a source is, and which reader reads it."""

from __future__ import annotations

from pathlib import Path

from runforge.metrics.naming import LOG, OWN
from runforge.metrics.patterns import LogReader, PatternReader
from runforge.metrics.sources import kinds
from runforge.metrics.sources.lines import OwnLinesReader
from runforge.metrics.sources.listed import Source, Sources
from runforge.metrics.sources.reader import Reader


def path_of(run_dir: Path, source: Source) -> Path:
    """Return the file of a source."""
    return run_dir / source.path if source in {OWN, LOG} else Path(source.path)


def reader_of(source: Source, sources: Sources) -> Reader:
    """Return a new reader for a source."""
    if source == OWN:
        return OwnLinesReader()
    if source != LOG:
        return kinds.KINDS[source.kind]()
    return PatternReader(sources.pattern) if sources.pattern is not None else LogReader()


def plain_of(reader: Reader) -> frozenset[str]:
    """Return the names that count only if there is nothing else."""
    return frozenset(reader.plain) if isinstance(reader, LogReader) else frozenset()
