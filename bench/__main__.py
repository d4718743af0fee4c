"""`python -m bench`: every figure of docs/performance.md, beside its peers and its limit, in one call."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import at_scale, commands, peers, plots, runs, terminal
from bench.figures import Figure, as_markdown, as_text, from_document
from runforge import __version__
from runforge.permissions import become_private

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
}


def measure(keys: list[str], rounds: int, *, quick: bool) -> list[Figure]:
    """Return the figures of these parts; progress goes to standard error."""
    found: list[Figure] = []
    for key in keys:
        begin = time.monotonic()
        headline = (PARTS[key].__doc__ or "").splitlines()[0]
        print(headline, file=sys.stderr, flush=True)
        for figure in PARTS[key](rounds, quick=quick):
            found.append(figure)
            beside = f" beside {figure.jobs:,} jobs" if figure.jobs else ""
            print(f"    {figure.name}{beside}: {figure.ours:.4g} {figure.unit}", file=sys.stderr, flush=True)
        print(f"    {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Measure, print the table, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="letters of figures: a,b,c ...")
    parser.add_argument("--quick", action="store_true", help="small numbers, one round: does it work at all")
    parser.add_argument("--rounds", type=int, default=5, help="of each figure, in turn with its peers")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--install-peers", action="store_true", help="install the peers from PyPI first")
    parser.add_argument(
        "--docs", type=Path, metavar="FILE", help="measure nothing: draw FILE's plots and table"
    )
    arguments = parser.parse_args()
    if arguments.docs:
        figures = [from_document(document) for document in json.loads(arguments.docs.read_bytes())["figures"]]
        plots.draw(figures, Path("docs/performance"))
        print(as_markdown(figures))
        return 0
    keys = [key.strip() for key in arguments.only.split(",")]
    if unknown := sorted(set(keys) - set(PARTS)):
        parser.error(f"no figure {', '.join(unknown)}; there are {', '.join(PARTS)}")
    become_private()
    if arguments.install_peers:
        peers.install()
    figures = measure(keys, 1 if arguments.quick else arguments.rounds, quick=arguments.quick)
    print(as_text(figures))
    if arguments.json:
        machine = {"python": platform.python_version(), "system": platform.platform(), "version": __version__}
        report = {"machine": machine, "figures": [figure.document() for figure in figures]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
