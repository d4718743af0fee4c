"""Each room keeps its contract: imports point down only, and the queue's status stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.cli.commands import COMMANDS
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

ROOT = Path(__file__).parent.parent / "runforge"
#: The modules at the top of the package: each a thing that everybody needs.
TOP = {
    "__init__",
    "__main__",
    "amounts",
    "blocks",
    "bytecode",
    "cells",
    "choices",
    "clock",
    "digest",
    "config",
    "errors",
    "failpoints",
    "ids",
    "later",
    "light_json",
    "machine_faults",
    "named",
    "own_python",
    "paths",
    "place",
    "system",
    "text",
    "workspace",
}
#: What a top module may import of the rooms.
TOP_MAY = {"workspace": {"files"}, "config": {"files"}, "__main__": {"cli"}}
#: A room's contract: the rooms that it may import, besides itself and the top modules. Bottom first.
ROOMS: dict[str, set[str]] = {
    "core": set(),
    "files": set(),
    "machine": set(),
    "helper": set(),
    "metrics": {"core", "files"},
    "documents": {"core", "files", "metrics"},
    "sampler": {"core", "machine"},
    "sweeps": {"core", "documents"},
    "attempts": {"core", "documents", "files", "machine", "metrics"},
    "training": {"attempts", "core", "documents", "files", "metrics"},
    "store": {"attempts", "core", "files", "machine"},
    "supervise": {"attempts", "core", "files", "machine", "metrics"},
    "backends": {"attempts", "core", "documents", "files", "machine", "supervise", "training"},
    "notices": {"core", "files", "store"},
    "exports": {"core", "files", "store"},
    "queue": {"attempts", "core", "documents", "exports", "files", "machine", "store", "sweeps", "training"},
    "views": {"attempts", "core", "documents", "files", "machine", "metrics", "store"},
    "daemon": {
        *("backends", "core", "exports", "files", "machine", "metrics", "notices", "queue", "store", "views"),
    },
    "direct": {
        *("attempts", "core", "daemon", "documents", "exports", "files", "machine"),
        *("metrics", "queue", "store", "supervise", "training", "views"),
    },
    "drills": {"attempts", "core", "exports", "machine", "store"},
    "tui": {"core", "documents", "files", "machine", "metrics", "queue", "views"},
    "cli": {
        *("core", "daemon", "direct", "documents", "drills", "exports", "files", "helper"),
        *("machine", "metrics", "notices", "queue", "store", "sweeps", "tui", "views"),
    },
}
FILES = sorted(ROOT.rglob("*.py"))


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_the_top_holds_what_everybody_needs_and_each_folder_has_a_contract() -> None:
    assert {path.stem for path in ROOT.glob("*.py")} == TOP
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ROOMS)


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda p: p.name)
def test_each_folder_says_what_belongs_there(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = _room(path)
    allowed = TOP_MAY.get(room, set()) if room in TOP else ROOMS[room]
    rooms = {name.split(".")[1] for name in _imports(path) if name.startswith("runforge.")}
    wrong = (rooms & set(ROOMS)) - allowed - {room}
    assert not wrong, f"{path.name} in {room} imports {wrong}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_room_takes_anything_from_its_door(path: Path) -> None:
    """A folder's `__init__` says what belongs there and holds no code, so that nothing inside imports it."""
    if path.name == "__init__.py" and path.parent != ROOT:
        assert len(ast.parse(path.read_text("utf-8")).body) == 1, "only a docstring"
    if _room(path) == "views":
        assert not any(name.startswith("runforge.views.") and name.count(".") < 3 for name in _imports(path))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_store_imports_sqlite(path: Path) -> None:
    names = {name.split(".")[0] for name in _imports(path)}
    if _room(path) == "store":
        return
    assert not names & {"sqlite3", "pysqlite3", "sqlite_utils"}


@pytest.mark.parametrize("path", [p for p in FILES if _room(p) == "supervise"], ids=lambda p: p.name)
def test_supervisors_need_the_standard_library_alone(path: Path) -> None:
    names = {name.split(".")[0] for name in _imports(path)} - {"runforge", "__future__"}
    assert names <= set(sys.stdlib_module_names)


def test_what_supervisors_import_is_the_standard_library_too() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"  # what the interpreter's own startup hooks bring in
        "import runforge.supervise.supervisor, runforge.supervise.zygote\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"runforge"} <= set(sys.stdlib_module_names)


def test_no_sql_text_outside_the_store() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE jobs", "DELETE FROM")
    for path in FILES:
        if _room(path) != "store":
            assert not any(word in path.read_text("utf-8") for word in words), path


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in FILES}


def _arrows(path: Path) -> set[str]:
    """Return the modules of the package that one names, for types and inside functions too."""
    found = {name if name in MODULES else name.rpartition(".")[0] for name in _imports(path)}
    return {name for name in found if name in MODULES}


def test_no_module_imports_itself_by_way_of_others() -> None:
    left = {name: _arrows(path) for name, path in MODULES.items()}
    while free := {name for name, arrows in left.items() if not arrows & left.keys()}:
        left = {name: arrows for name, arrows in left.items() if name not in free}
    while unused := left.keys() - {target for name in left for target in left[name]}:
        left = {name: arrows for name, arrows in left.items() if name not in unused}
    circles = {f"{name} -> {target}" for name, arrows in left.items() for target in arrows & left.keys()}
    assert not circles, sorted(circles)


HEAVY = {
    *("typer", "textual", "sklearn", "numpy", "sqlite_utils", "psutil", "pynvml", "rich", "msgspec"),
    *("dataclasses", "inspect"),
}
#: What costs more than the interpreter's own start.
COSTLY = {"typing", "re", "pathlib", "json", "datetime", "enum", "collections", "contextlib"}
_MAIN = """
import atexit, sys
atexit.register(print, "taken apart", file=sys.stderr)
from runforge.cli.main import main
main()
"""


def _observed(code: str, *words: str) -> tuple[set[str], bool]:
    """Run code in a fresh interpreter; return what it imports, and whether the interpreter took itself apart."""
    command = [sys.executable, "-X", "importtime", "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if "|" in line}, "taken apart" in lines


@pytest.mark.parametrize("words", [["queue-status"], ["jobs"], ["groups", "--json"], ["show", "@last"]])
def test_what_is_called_all_day_imports_nothing_heavy_and_ends_at_once(
    words: list[str], ws: Workspace
) -> None:
    enqueue(ws, runs=1)
    names, is_taken_apart = _observed(_MAIN, *words, "--workspace", str(ws.root))
    assert {"runforge.cli.main", "runforge.store.sqlite"} <= names
    assert not names & HEAVY
    assert not is_taken_apart


def test_the_table_says_which_commands_end_at_once(ws: Workspace) -> None:
    place = ("--workspace", str(ws.root))
    for words in (["prune", "--older-than", "1d", *place], ["pause-group", "--help"], ["--version"]):
        command = COMMANDS.get(words[0])
        is_made = words[-1] in {"--help", "--version"}
        assert _observed(_MAIN, *words)[1] == (
            not is_made and command is not None and not command.ends_at_once
        ), words


#: All that `--version` and `--help` need of RunForge.
LEAST = {
    "runforge",
    "runforge.cli",
    "runforge.cli.main",
    "runforge.cli.quick",
    "runforge.bytecode",
    "runforge.own_python",
    "runforge.system",
    "__future__",
    "gc",
}


def test_version_and_help_import_nothing_else() -> None:
    before = _observed("pass")[0] | LEAST | {"atexit"}
    assert _observed(_MAIN, "--version")[0] <= before
    for words in (["--help"], ["jobs", "--help"], ["submit", "-h"]):
        assert _observed(_MAIN, *words)[0] - before == {"runforge.cli.made_help", "runforge.cli.width"}


def test_reading_a_plain_call_imports_nothing_costly() -> None:
    before = _observed("pass")[0]
    reading = "from runforge.cli import known, words; words.read(known.find('jobs'), ['--limit', '3'])"
    names = ("known", "made_table", "parameter", "words")
    assert _observed(reading)[0] - before <= {
        "__future__",
        "runforge",
        "runforge.cli",
        *(f"runforge.cli.{name}" for name in names),
    }
