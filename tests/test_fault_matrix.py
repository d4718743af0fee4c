"""The fault matrix of docs/reliability.md names every fault, and only tests, drills and gauntlets that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from gauntlets.__main__ import GAUNTLETS, OTHERS
from runforge.drills.catalogue import DRILLS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/reliability.md").read_text("utf-8")
ROWS = re.findall(r"^\| (F\d\d) \|", PAGE, re.MULTILINE)
#: What proves each fault, wrapped over lines in the page and on one line here.
PROOFS = {
    fault: " ".join(text.split())
    for fault, text in re.findall(r"^- \*\*(F\d\d)\*\*\s(.*?)(?=^- |^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
_KNOWN = {"drill": set(DRILLS), "gauntlet": {*GAUNTLETS, *OTHERS}}


@cache
def defined(path: str) -> set[str]:
    """Functions and classes of a test file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = {n.name for n in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if isinstance(n, kinds)}
    assigned = re.findall(r"^(Test\w+) = ", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    return found | set(assigned)


def test_every_fault_has_its_row_and_its_proof_in_order() -> None:
    faults = [f"F{number:02}" for number in range(1, 79)]
    assert faults == ROWS
    assert list(PROOFS) == faults


@pytest.mark.parametrize("fault", PROOFS)
def test_what_a_proof_names_exists(fault: str) -> None:
    where = PROOFS[fault]
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE if fault == "F01" else where)
    played = re.findall(r"\b(drill|gauntlet) `([\w-]+)`", where)
    assert [name for path, name in tests if name not in defined(path)] == []
    assert [name for kind, name in played if name not in _KNOWN[kind]] == []
    assert tests or played or "not tested here" in where
