"""Imports point down only, and the queue's status stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.workspace import Workspace
from tests.tui.kit import enqueue

ROOT = Path(__file__).parent.parent / "runforge"
BOTTOM = {
    "errors",
    "ids",
    "clock",
    "text",
    "states",
    "model",
    "workspace",
    "durable",
    "failpoints",
    "tokens",
    "permissions",
    "cells",
    "spliced",
    "faults",
    "disk_room",
    "survivors",
    "state_folder",
}
#: Package or module -> what of runforge it may import, besides itself and the bottom.
ALLOWED: dict[str, set[str]] = {
    **{name: set() for name in BOTTOM},
    "scheduling": set(),
    "documents": set(),
    "sweep": {"documents"},
    "doorbell": set(),
    "liveness": set(),
    "gpus": set(),
    "supervise": set(),
    "training": {"documents"},
    "store": {"liveness", "supervise"},
    "resolve": {"store"},
    "exported": {"store", "sweep"},
    "export": {"store", "exported", "liveness"},
    "views": {"store", "resolve", "scheduling", "liveness", "sweep"},
    "enqueue": {"store", "resolve", "documents", "sweep", "training"},
    "control": {"store", "resolve", "enqueue", "export", "doorbell"},
    "launch": {"documents", "training", "gpus"},
    "foreground": {"launch", "enqueue", "documents", "training", "supervise", "store", "gpus"},
    "daemon": {
        "store",
        "control",
        "views",
        "export",
        "exported",
        "enqueue",
        "launch",
        "scheduling",
        "supervise",
        "training",
        "documents",
        "doorbell",
        "liveness",
        "gpus",
    },
    "drills": {"store", "export", "supervise"},
    "cli": {
        "drills",
        "store",
        "control",
        "views",
        "export",
        "enqueue",
        "foreground",
        "daemon",
        "documents",
        "liveness",
        "gpus",
        "cli",
        "tui",
    },
    "tui": {"control", "views"},
    "__main__": {"cli"},
    "__init__": set(),
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


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = _room(path)
    rooms = {name.split(".")[1] for name in _imports(path) if name.startswith("runforge.")}
    known = {p.stem if p.suffix else p.name for p in ROOT.iterdir()}
    wrong = (rooms & known) - ALLOWED[room] - BOTTOM - {room}
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
