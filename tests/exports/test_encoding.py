"""What a short command writes into the exports without msgspec has the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import big
from runforge.cli import samples
from runforge.exports import exporter as exporting
from runforge.exports import list_blocks
from runforge.exports.exporter import Exporter
from runforge.store.opening import open_journal

#: A busy machine is no fault.
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WHOLE = st.integers(-(2**63), 2**63 - 1)
ROUND = st.builds(lambda digits, exponent: float(f"{digits}e{exponent}"), WHOLE, st.integers(-40, 5))
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats() | ROUND | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@SLOWLY
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_both_ways_make_the_same_bytes(document: dict[str, Any]) -> None:
    assert list_blocks._Encoder().encode(document, 1) == list_blocks.with_msgspec(document)


@SLOWLY
@given(st.floats() | ROUND)
def test_floats_are_written_as_msgspec_writes_them(value: float) -> None:
    assert list_blocks.real(value).encode() == msgspec.json.encode(value)


def test_many_documents_are_left_to_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    quick: list[object] = []

    def noted(document: dict[str, Any]) -> bytes:
        quick.append(document)
        return b""

    monkeypatch.setattr(list_blocks, "with_msgspec", noted)
    encoder = list_blocks._Encoder()
    encoder.encode({"first": 1}, list_blocks._FEW)
    assert quick == []
    encoder.encode({"next": 1}, 1)
    assert quick == [{"next": 1}]


_CODE = """
import sys
import runforge.failpoints

def tell(point):
    if point == "export.queue_written":
        print("msgspec" in sys.modules, "json" in sys.modules, file=sys.stderr, flush=True)

runforge.failpoints._observer = tell
from runforge.cli.main import main
main()
"""


@pytest.mark.slow
def test_a_command_without_a_daemon_imports_no_package_for_it(tmp_path: Path) -> None:
    here = big.make(tmp_path / "ws", 60, 3)
    with open_journal(here) as journal:
        Exporter(here, journal).write()
    (folder := here.run_dir("r")).mkdir(parents=True)
    model = {"family": "command", "command": ["true"]}
    (folder / "request.json").write_bytes(samples.encode({**samples.request(), "model": model}))
    run = subprocess.run(
        [sys.executable, "-c", _CODE, "enqueue-run", "--run-id", "r"],
        capture_output=True,
        text=True,
        check=True,
        cwd=here.root,
        env={name: value for name, value in os.environ.items() if name != "RUNFORGE_WORKSPACE"},
    )
    assert run.stderr.splitlines()[0] == "False False"
    assert exporting.check(here) == []
