"""Each room keeps its contract: imports point down only, and the queue's status stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.workspace import Workspace
from tests.tui.kit import enqueue

ROOT = Path(__file__).parent.parent / "runforge"
#: The modules at the top of the package: each a thing that everybody needs.
TOP = {
    "__init__",
    "__main__",
    "cells",
    "clock",
    "errors",
    "failpoints",
    "ids",
    "machine_faults",
    "text",
    "workspace",
}
#: What a top module may import of the rooms.
TOP_MAY = {"workspace": {"files"}, "__main__": {"cli"}}
#: A room's contract: the rooms that it may import, besides itself and the top modules. Bottom first.
ROOMS: dict[str, set[str]] = {
    "core": set(),
    "files": set(),
    "machine": set(),
    "documents": {"files"},
    "metrics": {"files"},
    "sweeps": {"documents"},
    "store": {"core", "files", "machine"},
    "attempts": {"core", "documents", "files", "machine", "metrics"},
    "training": {"attempts", "core", "documents", "files", "metrics"},
    "supervise": {"attempts", "core", "files", "machine"},
    "backends": {"attempts", "core", "daemon", "documents", "files", "machine", "supervise"},
    "exports": {"core", "files", "store", "sweeps"},
    "queue": {"core", "documents", "exports", "files", "store", "sweeps", "training"},
    "views": {"attempts", "core", "files", "machine", "store", "sweeps"},
    "daemon": {
        *("attempts", "backends", "core", "documents", "exports", "files"),
        *("machine", "metrics", "queue", "store", "training", "views"),
    },
    "direct": {
        *("attempts", "core", "daemon", "documents", "exports", "files", "machine"),
        *("metrics", "queue", "store", "supervise", "training", "views"),
    },
    "drills": {"attempts", "core", "exports", "machine", "store"},
    "tui": {"core", "files", "machine", "metrics", "queue", "views"},
    "cli": {
        *("core", "daemon", "direct", "documents", "drills", "exports", "files"),
        *("machine", "metrics", "queue", "store", "tui", "views"),
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
def test_only_the_store_imports_sqlite(path: Path) -> None:
    names = {name.split(".")[0] for name in _imports(path)}
    if _room(path) == "store":
        return
    assert not names & {"sqlite3", "pysqlite3", "sqlite_utils"}


@pytest.mark.parametrize("path", [p for p in FILES if _room(p) == "supervise"], ids=lambda p: p.name)
def test_supervisors_need_the_standard_library_alone(path: Path) -> None:
    names = {name.split(".")[0] for name in _imports(path)} - {"runforge", "__future__"}
    assert names <= set(sys.stdlib_module_names)


def test_no_sql_text_outside_the_store() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE jobs", "DELETE FROM")
    for path in FILES:
        if _room(path) != "store":
            assert not any(word in path.read_text("utf-8") for word in words), path


HEAVY = (
    *("typer", "textual", "sklearn", "numpy", "sqlite_utils", "psutil", "pynvml", "rich", "msgspec"),
    *("dataclasses", "inspect"),
)


@pytest.mark.parametrize("words", [["queue-status"], ["jobs"], ["groups", "--json"], ["show", "@last"]])
def test_what_is_called_all_day_imports_nothing_heavy(words: list[str], ws: Workspace) -> None:
    enqueue(ws, runs=1)
    code = (
        "import os, sys, runpy\n"
        "os._exit = sys.exit\n"  # else nothing below is reached
        f"sys.argv = ['runforge', *{words!r}, '--workspace', {str(ws.root)!r}]\n"
        "try:\n    runpy.run_module('runforge', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    code += "print('looked')\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("looked\n")
