"""Run folders whose metrics are in files of tools."""

from __future__ import annotations

from pathlib import Path

from runforge.metrics.last_values import RunValues
from runforge.metrics.run_curves import RunCurves, read_curves
from runforge.metrics.sources import listed
from runforge.metrics.sources.kinds import kind_of_name
from runforge.metrics.sources.listed import HELD, Source
from runforge.metrics.statistics import of_run, values_of

RECORDED = Path(__file__).parent / "recorded"


def list_files(run_dir: Path, *paths: Path, by: str = HELD) -> None:
    """List files as sources of a run, as a supervisor does."""
    with (run_dir / listed.NAME).open("ab") as out:
        for path in paths:
            kind = kind_of_name(str(path))
            assert kind is not None, path
            out.write(listed.encode(file=Source(str(path), kind, by)))


def run_of(run_dir: Path, folder: Path) -> Path:
    """Make a run folder with all recorded files below a folder, and with its log."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "log.txt")
    list_files(run_dir, *files)
    if (folder / "log.txt").exists():
        (run_dir / "logs.txt").write_bytes((folder / "log.txt").read_bytes())
    return run_dir


def last_of_curves(run_dir: Path) -> dict[str, float]:
    """Return the last values as the curves have them."""
    return {name: curve.values[-1] for name, curve in read_curves(run_dir).items()}


def read_all(run_dir: Path) -> RunCurves:
    """Return the curves of a run, read to their ends."""
    curves = RunCurves(run_dir)
    while curves.refresh():
        pass
    return curves


def last(run_dir: Path) -> dict[str, float]:
    """Return the last values of all readers, which must be the same."""
    found = RunValues(run_dir).last
    assert repr(last_of_curves(run_dir)) == repr(found)
    assert repr({name: measured.last for name, measured in of_run(run_dir).items()}) == repr(found)
    assert repr({name: value for name, _, value in values_of(run_dir)}) == repr(found)
    return found
