"""Deliberate breaks: the list fits the program, and one of them is tried as all are.

`python -m gauntlets mutants` tries them all.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gauntlets import mutants
from gauntlets.mutants import MUTANTS, Mutant, try_one

CHEAP = next(mutant for mutant in MUTANTS if mutant.name == "torn-record-believed")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_old_text_is_there_once_and_its_tests_are_there(mutant: Mutant) -> None:
    assert mutant.problems() == []
    assert mutant.old != mutant.new
    assert mutant.tests
    if mutant.file.endswith(".py"):
        compile(mutant.broken((mutants.ROOT / mutant.file).read_text("utf-8")), mutant.file, "exec")


def test_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_what_has_moved_away_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = replace(CHEAP, name="moved", old="no such text", tests=("tests/test_ids.py::test_no_such",))
    monkeypatch.setattr(mutants, "MUTANTS", (moved,))
    report = tmp_path / "report.json"
    assert mutants.main(["--json", str(report)]) == 1
    told = capsys.readouterr().err
    assert f"its old text is in {CHEAP.file} 0 times" in told
    assert "there is no tests/test_ids.py::test_no_such" in told
    assert not report.exists()


@pytest.mark.slow
def test_a_break_is_caught_and_no_break_survives(tmp_path: Path) -> None:
    assert try_one(CHEAP, tmp_path).verdict == "caught"
    survived = try_one(replace(CHEAP, new=CHEAP.old), tmp_path)
    assert survived.verdict == "SURVIVED", survived.said


def test_tests_that_cannot_be_run_catch_nothing(tmp_path: Path) -> None:
    unclear = try_one(replace(CHEAP, new="if ("), tmp_path)
    assert unclear.verdict == "UNCLEAR", unclear.said
