"""The curves of a run, from all of its sources, while it runs and afterwards. The only reader of curves.

Each look adds what was appended. A later attempt of a run that goes on where the earlier one was gets that one's
points before its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runforge.metrics import naming
from runforge.metrics.curves import Curve, CurveSet
from runforge.metrics.follow import FollowedFile
from runforge.metrics.naming import LOG, OWN, Part
from runforge.metrics.opening import path_of, plain_of, reader_of
from runforge.metrics.points import MOST_METRICS, Point
from runforge.metrics.sources import listed
from runforge.metrics.sources.listed import Source, Sources
from runforge.metrics.told import Told, of_sources

#: So many earlier attempts are looked at: a run may make room often.
_MOST_ATTEMPTS = 200


class Origin(NamedTuple):
    """Where a metric comes from, and when that file was changed last, as seconds since 1970."""

    source: Source
    changed_at: float | None


class RunCurves:
    """The metrics of a run folder; each look adds what is new."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._sources: Sources | None = None
        self._files: dict[Source, FollowedFile] = {}
        self._set: CurveSet[tuple[Source, str]] = CurveSet()
        self._names: dict[Source, dict[str, None]] = {}
        self._left_out = Told()
        self._earlier: RunCurves | None = None

    # --- reading ---------------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Read what is new, in pieces of limited size; return whether anything is."""
        self._look_for_sources()
        news = [self._read(source, file) for source, file in self._files.items()]
        if self._earlier is not None:
            news.append(self._earlier.refresh())
        return any(news)

    def _look_for_sources(self) -> None:
        found = listed.read(self._run_dir)
        if found == self._sources:
            return
        if self._sources is None:
            self._earlier = _earlier(self._run_dir)
        elif found.pattern != self._sources.pattern:
            self._forget(LOG)
        self._sources = found
        wanted = naming.in_use(found)
        for source in [each for each in self._files if each not in wanted]:
            self._forget(source)
        self._files = {source: self._files.get(source) or self._follow(source) for source in wanted}

    def _follow(self, source: Source) -> FollowedFile:
        sources = self._sources or Sources()
        return FollowedFile(path_of(self._run_dir, source), lambda: reader_of(source, sources))

    def _forget(self, source: Source) -> None:
        self._files.pop(source, None)
        self._clear(source)

    def _clear(self, source: Source) -> None:
        self._set.drop([(source, name) for name in self._names.pop(source, {})])

    def _read(self, source: Source, file: FollowedFile) -> bool:
        look = file.look()
        if look.is_new:
            self._clear(source)
        for point in look.points:
            self._add(source, point)
        return look.has_read or look.is_new or bool(look.points)

    def _add(self, source: Source, point: Point) -> None:
        names = self._names.setdefault(source, {})
        if point.name not in names:
            if len(names) >= MOST_METRICS:
                self._left_out.leave_out(point.name)
                return
            names[point.name] = None
        self._set.add((source, point.name), point)

    # --- showing ---------------------------------------------------------------------------------

    def _merged(self) -> dict[str, tuple[Curve, Source]]:
        return naming.merged(self._parts(), lambda first, second: second.after(first))

    def _parts(self) -> Iterator[Part[Curve]]:
        for source, file in self._files.items():
            names = self._names.get(source, {})
            curves = {name: self._set.found[source, name] for name in names}
            yield Part(source, curves, plain_of(file.reader))

    def curves(self) -> dict[str, Curve]:
        """Return the metrics by name, what the run itself reports first."""
        earlier = self._earlier.curves() if self._earlier is not None else {}
        found = {name: curve.named(name) for name, (curve, _) in self._merged().items()}
        return {n: curve.after(earlier[n]) if n in earlier else curve for n, curve in found.items()}

    def origins(self) -> dict[str, Origin]:
        """Return where each metric comes from."""
        return {
            name: Origin(source, self._files[source].changed_at)
            for name, (_, source) in self._merged().items()
        }

    def primary(self) -> str | None:
        """Return the name of the run's main metric."""
        return naming.primary(self._merged())

    def sentences(self) -> list[str]:
        """Return sentences for people about what is not drawn."""
        told = [
            sentence if source == OWN else f"{source.path}: {sentence}"
            for source, file in self._files.items()
            for sentence in file.reader.sentences()
        ]
        return [*told, *self._left_out.sentences(), *of_sources(self._sources or Sources())]


def _earlier(run_dir: Path) -> RunCurves | None:
    """Return the curves of the attempt before the one in a run folder."""
    is_earlier = run_dir.parent.name == "previous"
    base = run_dir.parent if is_earlier else run_dir / "previous"
    try:
        numbers = [int(entry.name) for entry in base.iterdir() if entry.name.isdecimal()]
    except OSError:
        return None
    if is_earlier:
        numbers = [number for number in numbers if number < int(run_dir.name)]
    if not 0 < len(numbers) <= _MOST_ATTEMPTS:
        return None
    return RunCurves(base / str(max(numbers)))


def read_curves(run_dir: Path) -> dict[str, Curve]:
    """Return the curves of a run, once."""
    curves = RunCurves(run_dir)
    while curves.refresh():
        pass
    return curves.curves()
