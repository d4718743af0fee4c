"""`python -m gauntlets [g1 g4 ...] [--backend slurm] [--json FILE]`: run gauntlets, print a table, write a report.

`python -m gauntlets failpoints` is the walk over the failpoints (gauntlets/failpoints.py), `python -m gauntlets
chaos` random kills under a mixed load (gauntlets/chaos.py), `python -m gauntlets sweeps` random kills and broken
samplers through sweeps (gauntlets/chaos_sweeps.py), `python -m gauntlets powercut` cuts the power of a
disk in an image (gauntlets/powercut.py), `python -m gauntlets syscalls` lets system calls fail (gauntlets/syscalls.py),
`python -m gauntlets slurm` random kills on a private cluster (gauntlets/slurm_chaos.py),
`python -m gauntlets mutants` breaks the program and looks whether its tests see that (gauntlets/mutants.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gauntlets import (
    chaos,
    chaos_sweeps,
    failpoints,
    gpu_gauntlets,
    guard_gauntlets,
    mutants,
    pause_gauntlets,
    powercut,
    queue_gauntlets,
    reconnect_gauntlet,
    several_gpus,
    slurm_chaos,
    slurm_cluster,
    submit_gauntlet,
    syscalls,
)
from gauntlets.arena import Arena, arena

GAUNTLETS: dict[str, Callable[[Arena], dict[str, Any]]] = {
    **{f"g{n}": getattr(queue_gauntlets, f"g{n}") for n in range(1, 7)},
    "g7": reconnect_gauntlet.g7,
    **{f"g{n}": getattr(gpu_gauntlets, f"g{n}") for n in (8, 9, 10)},
    "g11": submit_gauntlet.g11,
    "g12": pause_gauntlets.g12,
    "g13": pause_gauntlets.g13,
    "g14": several_gpus.g14,
    "g15": several_gpus.g15,
    "g16": guard_gauntlets.g16,
    "g17": guard_gauntlets.g17,
}
#: The gauntlets with their own command line.
OTHERS: dict[str, Callable[[list[str]], int]] = {
    "failpoints": failpoints.main,
    "chaos": chaos.main,
    "sweeps": chaos_sweeps.main,
    "mutants": mutants.main,
    "powercut": powercut.main,
    "slurm": slurm_chaos.main,
    "syscalls": syscalls.main,
}


def run_one(name: str, backend: str = "local") -> dict[str, Any]:
    """Run one gauntlet; return its report."""
    start = time.monotonic()
    report: dict[str, Any] = {"gauntlet": name, "goal": (GAUNTLETS[name].__doc__ or "").strip()}
    with _places[backend]() as here:
        try:
            report["evidence"] = GAUNTLETS[name](here)
            report["afterwards"] = here.finish()
            report["passed"] = True
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the report
            report["passed"] = False
            report["error"] = f"{type(error).__name__}: {error}"
        report["commands"] = here.commands
    report["seconds"] = round(time.monotonic() - start, 2)
    return report


@contextlib.contextmanager
def _on_slurm() -> Iterator[Arena]:
    """Yield an arena whose daemons give their runs to a private cluster."""
    with slurm_cluster.running() as cluster, arena() as here:
        slurm_chaos.use(here, cluster)
        yield here


_places: dict[str, Callable[[], contextlib.AbstractContextManager[Arena]]] = {
    "local": arena,
    "slurm": _on_slurm,
}
#: Those that ask nothing of the machine.
_ON_SLURM = ("g1", "g2", "g3", "g4", "g5", "g6")


def main() -> int:
    """Run the selected gauntlets; 0 if all passed."""
    if sys.argv[1:] and sys.argv[1] in OTHERS:
        return OTHERS[sys.argv[1]](sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m gauntlets")
    parser.add_argument(
        "names",
        nargs="*",
        type=str.lower,
        choices=[*GAUNTLETS, []],
        metavar="NAME",
        help="g1 to g17; all by default",
    )
    parser.add_argument("--json", type=Path, default=Path("gauntlet-report.json"), help="the report's file")
    parser.add_argument(
        "--backend", choices=[*_places], default="local", help="slurm: g1 to g6 on a private cluster"
    )
    arguments = parser.parse_args()
    usual = list(GAUNTLETS)
    if arguments.backend == "slurm":
        usual = list(_ON_SLURM)
        if not set(arguments.names) <= set(usual):
            parser.error(f"over Slurm there are {', '.join(usual)}")
        if (why := slurm_cluster.lacking()) is not None:
            print(f"skip: {why}")
            return slurm_chaos.SKIPPED
    reports = []
    print(f"{'':6}{'result':8}{'time':>8}  goal")
    for name in arguments.names or usual:
        report = run_one(name, arguments.backend)
        reports.append(report)
        verdict = "pass" if report["passed"] else "FAIL"
        print(f"{name:6}{verdict:8}{report['seconds']:7.2f}s  {report['goal']}", flush=True)
        if not report["passed"]:
            print(f"      {report['error']}")
    passed = sum(report["passed"] for report in reports)
    document = {
        "version": 1,
        "kind": "gauntlet_report",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "passed": passed,
        "failed": len(reports) - passed,
        "gauntlets": reports,
    }
    arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    print(f"{passed} of {len(reports)} passed; the evidence is in {arguments.json}")
    return int(passed != len(reports))


if __name__ == "__main__":
    sys.exit(main())
