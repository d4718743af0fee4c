"""No query that asks for what runs reads the jobs that have ended: there may be a million of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runforge.store import queries
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

_SQL = Path(queries.__file__).with_name("sql")
#: A state in a condition, not one that is written.
_ASKS = re.compile(r"(WHERE|AND|OR)\s+(jobs\.)?state = 'running'")
_NAMES = [
    name
    for area in sorted(path.stem for path in _SQL.glob("*.sql"))
    for short in queries.names(area)
    if _ASKS.search(queries.query(name := f"{area}.{short}"))
]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("plans")
    with open_journal(Workspace(folder, folder / ".runforge"), create=True) as made:
        yield made


def test_there_are_such_queries() -> None:
    assert {"jobs.running", "attempts.running", "look.jobs_running", "sweeps.judged"} <= set(_NAMES)


@pytest.mark.parametrize("name", _NAMES)
def test_what_runs_is_found_by_an_index(journal: Journal, name: str) -> None:
    text = queries.query(name)
    values = dict.fromkeys(re.findall(r":(\w+)", re.sub(r"--.*", "", text)))
    plan = [row["detail"] for row in journal.connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    assert "SCAN jobs" not in plan
