"""Compares two checkouts of RunForge on this machine, in turn: `python -m bench --compare REV`.

Each gets a worktree and an environment of its own, with the libraries of this one. Commands (n) are called in turn,
one process after the other. Of every other part each checkout measures a round with its own bench, in turn.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench import processes, shell
from bench.processes import INTERPRETER

_ROOT = Path(__file__).parents[1]


class Side(NamedTuple):
    """One of the two: what it is called, its files, and its interpreter."""

    name: str
    checkout: Path
    python: Path

    @property
    def command(self) -> list[str]:
        """The installed command of this side: its own script if it has one, else what pip makes."""
        return [str(self.python.with_name("runforge"))]


def sides(revision: str, folder: Path) -> tuple[Side, Side]:
    """Return this checkout as it is now, and the other revision; SystemExit if there is no such revision."""
    other = folder / "other"
    made = subprocess.run(
        ["git", "worktree", "add", "--detach", str(other), revision],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise SystemExit(f"bench: {made.stderr.strip()}")
    return _side("this checkout", _ROOT, folder / "env-1"), _side(revision, other, folder / "env-2")


def forget(side: Side) -> None:
    """Remove the worktree of the other revision."""
    subprocess.run(["git", "worktree", "remove", "--force", str(side.checkout)], cwd=_ROOT, check=True)


def _side(name: str, checkout: Path, env: Path) -> Side:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    python = env / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    # As an editable installation. A folder that is named in a .pth file is searched, but the .pth files in it are not
    # read: so this checkout's own installation is not found there.
    (packages / "_editable_impl_runforge.pth").write_text(f"{checkout}\n", "utf-8")
    libraries = Path(sysconfig.get_path("purelib"))
    (packages / "libraries.pth").write_text(f"{libraries}\n", "utf-8")
    if (libraries / "pysqlite3").is_dir():
        (packages / "pysqlite3").symlink_to(libraries / "pysqlite3")
    own = checkout / "scripts" / "runforge"
    by_pip = f"#!{python}\n{_PIP}"
    texts = (
        {"runforge": own.read_text("utf-8"), "runforge-cli": by_pip} if own.exists() else {"runforge": by_pip}
    )
    for script, text in texts.items():
        (path := python.with_name(script)).write_text(text, "utf-8")
        path.chmod(0o755)
    return Side(name, checkout, python)


#: What pip makes of an entry point.
_PIP = """import re
import sys
from runforge.__main__ import main
sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
sys.exit(main())
"""


def compare(revision: str, keys: list[str], rounds: int, *, quick: bool) -> Iterator[str]:
    """Yield the lines of a table: each figure of this checkout, of the other revision, and how many times as much."""
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as made:
        ours, other = sides(revision, Path(made))
        try:
            yield f"figure | {ours.name} | {revision} | times"
            if "n" in keys:
                yield from _calls(ours, other, Path(made), rounds, quick=quick)
            for key in keys:
                if key != "n":
                    yield from _part(key, ours, other, Path(made), rounds, quick=quick)
        finally:
            forget(other)


def _calls(ours: Side, other: Side, folder: Path, rounds: int, *, quick: bool) -> Iterator[str]:
    both = (ours, other)
    queues = {side.name: _queue(side, folder, 1_000 if quick else 10_000) for side in both}
    commands: dict[str, list[str]] = {INTERPRETER: [str(ours.python), "-c", ""]}
    folders = {INTERPRETER: queues[ours.name]}
    measured = []
    for name, (words, _) in shell.COMMANDS.items():
        calls = {f"{side.name}: {name}": [*side.command, *words] for side in both}
        places = {f"{side.name}: {name}": queues[side.name] for side in both}
        if not words:
            continue
        try:
            for call, command in calls.items():
                processes.once(command, places[call])
        except SystemExit as reason:  # a revision may not have the command
            yield f"n {name} | {reason} | | "
            continue
        measured.append(name)
        commands |= calls
        folders |= places
    costs = processes.in_turn(commands, folders, max(3, rounds) if quick else max(20, rounds))
    floor = costs[INTERPRETER].cpu
    for name in measured:
        mine, theirs = (costs[f"{side.name}: {name}"].cpu / floor for side in both)
        yield f"n {name}: processor, times an interpreter | {mine:.2f} | {theirs:.2f} | {mine / theirs:.2f}"


_MAKE = (
    "import sys; from pathlib import Path; from bench import big;"
    " big.make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[2]) // 100)"
)


def _queue(side: Side, folder: Path, jobs: int) -> Path:
    """Return a workspace of a side's own version, like `shell.a_queue`."""
    root = Path(tempfile.mkdtemp(dir=folder)) / "ws"
    subprocess.run([str(side.python), "-c", _MAKE, str(root), str(jobs)], cwd=side.checkout, check=True)
    asked = [*side.command, "jobs", "--state", "queued", "--json"]
    said = subprocess.run(asked, cwd=root, check=True, capture_output=True).stdout
    shell.fill(root / json.loads(said)["data"][-1]["run_dir"])
    return root


def _part(key: str, ours: Side, other: Side, folder: Path, rounds: int, *, quick: bool) -> Iterator[str]:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for side in (ours, other):
            report = folder / f"{key}-{number}.json"
            words = [str(side.python), "-m", "bench", "--only", key, "--rounds", "1", "--json", str(report)]
            done = subprocess.run(
                [*words, *(["--quick"] if quick else [])],
                cwd=side.checkout,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                yield f"{key} | {side.name}: {_reason(done.stderr)} | | "
                return
            for figure in json.loads(report.read_bytes())["figures"]:
                found[_name(figure)][side.name].append(figure["ours"])
    for name, values in found.items():
        if len(values) < 2:
            (only,) = values
            yield f"{name} | only measured by {only} | | "
            continue
        mine, theirs = (statistics.median(values[side.name]) for side in (ours, other))
        yield f"{name} | {mine:.4g} | {theirs:.4g} | {mine / theirs if theirs else float('nan'):.2f}"


def _reason(told: str) -> str:
    """Return why a bench has failed: what it says itself, else its last words."""
    lines = [line.strip() for line in told.splitlines()] or ["failed"]
    return next((line for line in lines if line.startswith("FAILED")), lines[-1])


def _name(figure: dict[str, Any]) -> str:
    jobs = f", {figure['jobs']:,} jobs" if figure["jobs"] else ""
    return f"{figure['key']} {figure['name']}{jobs} ({figure['unit']})"
