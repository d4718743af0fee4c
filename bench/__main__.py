"""`python -m bench`: measures all figures of docs/performance.md, with their peers and limits."""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import runforge
from bench import at_scale, commands, compare, diet, forgetting, large, peers, plots, runs, shell, terminal
from bench.figures import Figure, as_markdown, as_text, from_document
from runforge import __version__, clock
from runforge.files.permissions import become_private

PARTS: dict[str, Callable[..., Iterator[Figure]]] = {
    "a": runs.sweeps,
    "b": runs.drains,
    "c": runs.latencies,
    "d": commands.enqueues,
    "e": commands.reads,
    "f": at_scale.idles,
    "g": at_scale.picks,
    "h": at_scale.exports,
    "i": at_scale.restarts,
    "j": commands.crowd,
    "k": terminal.figures,
    "l": commands.imports,
    "m": diet.journal,
    "n": shell.calls,
    "o": shell.first_lines,
    "p": large.slots,
    "q": large.queues,
    "r": forgetting.figures,
}
#: They take long, and much room on the disk.
LARGE = {"p", "q", "r"}


_DOCS = Path("docs/performance.md")
_BEGIN, _END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def measure(keys: list[str], rounds: int, *, quick: bool) -> Iterator[Figure]:
    """Yield the figures of these parts, with progress on standard error. A failed part says so."""
    for key in keys:
        begin = time.monotonic()
        headline = (PARTS[key].__doc__ or key).splitlines()[0]
        print(headline, file=sys.stderr, flush=True)
        try:
            for figure in PARTS[key](rounds, quick=quick):
                beside = f" beside {figure.jobs:,} jobs" if figure.jobs else ""
                told = f"    {figure.name}{beside}: {figure.ours:.4g} {figure.unit}"
                print(told, file=sys.stderr, flush=True)
                yield figure
        except Exception as error:  # noqa: BLE001 - one part's trouble must not cost the figures of the others
            print(f"    FAILED: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            yield Figure(key, f"FAILED: {type(error).__name__}: {error}", "", 0.0)
        finally:
            peers.end_servers()
        print(f"    {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)


def machine() -> dict[str, str]:
    """Return the machine of the measurements."""
    gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "size": f"{os.cpu_count()} cores, {gib:.0f} GiB",
        "measured": clock.now(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "version": __version__,
    }


def write_docs(report: dict[str, Any]) -> None:
    """Draw the plots of a report and write its table between the marks of docs/performance.md."""
    figures = [from_document(document) for document in report["figures"]]
    plots.draw(figures, _DOCS.parent / "performance")
    said = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    before, _, rest = _DOCS.read_text("utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    about = textwrap.fill(f"Machine: {said}.", 110, break_on_hyphens=False)
    table = f"{about}\n\n{as_markdown(figures)}\n"
    _DOCS.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", "utf-8")


def main() -> int:
    """Measure, print the table, write the requested files."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help="letters of figures: a,b,c ... By default all but the large ones")
    parser.add_argument(
        "--large", action="store_true", help="also 256 slots, and a million jobs: half an hour more"
    )
    parser.add_argument(
        "--compare", metavar="REV", help="measure this checkout and that revision in turn, and print both"
    )
    parser.add_argument("--quick", action="store_true", help="small numbers, one round: does it work at all")
    parser.add_argument("--rounds", type=int, default=5, help="of each figure, in turn with its peers")
    parser.add_argument("--json", type=Path, help="write the figures to this file, one after the other")
    parser.add_argument("--install-peers", action="store_true", help="install the peers from PyPI first")
    parser.add_argument(
        "--docs", type=Path, metavar="FILE", help=f"measure nothing: put FILE's plots and table into {_DOCS}"
    )
    arguments = parser.parse_args()
    if arguments.docs:
        write_docs(json.loads(arguments.docs.read_bytes()))
        return 0
    usual = [key for key in PARTS if arguments.large or key not in LARGE]
    keys = [key.strip() for key in arguments.only.split(",")] if arguments.only else usual
    if unknown := sorted(set(keys) - set(PARTS)):
        parser.error(f"no figure {', '.join(unknown)}; there are {', '.join(PARTS)}")
    become_private()
    if arguments.compare:
        for line in compare.compare(arguments.compare, keys, arguments.rounds, quick=arguments.quick):
            print(line, flush=True)
        return 0
    if arguments.install_peers:
        peers.install()
    report: dict[str, Any] = {"machine": machine(), "figures": []}
    figures: list[Figure] = []
    # As an installation does; in an editable one, the compiled files may not be writable.
    compileall.compile_dir(str(Path(runforge.__file__).parent), quiet=1)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        # All is deleted at the end: after many deletions ext4 without a journal makes files slowly for a
        # minute.
        tempfile.tempdir = folder
        for figure in measure(keys, 1 if arguments.quick else arguments.rounds, quick=arguments.quick):
            figures.append(figure)
            report["figures"].append(figure.document())
            if arguments.json:
                arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        tempfile.tempdir = None
    print(as_text(figures))
    return int(any(figure.name.startswith("FAILED") for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
