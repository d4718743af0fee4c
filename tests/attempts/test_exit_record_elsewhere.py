"""The record of an attempt on another machine: made by the daemon, filled in by the supervisor, in one file."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from runforge.attempts import exit_record
from runforge.core.outcome import Begun, ExitRecord, ResultFacts

BEGUN = Begun("2026-11-26T16:00:00.000Z", "n1", 7, "42")


def record(**changes: object) -> ExitRecord:
    return ExitRecord("t", 0, None, False, False, None, "a", "b", 1, 0, 0)._replace(**changes)  # type: ignore[arg-type]


def write(folder: Path, ended: ExitRecord | None) -> None:
    descriptor = exit_record.open_allocated(folder)
    exit_record.write_begun(descriptor, "t", BEGUN)
    if ended is not None:
        exit_record.write(descriptor, ended)
    os.close(descriptor)


def test_one_file_says_that_it_has_begun_and_how_it_ended(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exit_record.read_elsewhere(tmp_path, "t")
    exit_record.allocate(tmp_path)
    assert exit_record.read_elsewhere(tmp_path, "t") == (None, None)
    write(tmp_path, None)
    assert exit_record.read_elsewhere(tmp_path, "t") == (None, BEGUN)
    assert exit_record.read_elsewhere(tmp_path, "another") == (None, None)
    write(tmp_path, record())
    assert exit_record.read_elsewhere(tmp_path, "t") == (record(), BEGUN)
    assert exit_record.read(tmp_path, "t") == record()


@pytest.mark.parametrize("value", [-1.5, math.inf, 0.0, None])
def test_the_result_comes_along(tmp_path: Path, value: float | None) -> None:
    exit_record.allocate(tmp_path)
    ended = record(terminated=True, said="*** JOB 1 ***", result=ResultFacts("failed", "why", "loss", value))
    write(tmp_path, ended)
    assert exit_record.read_elsewhere(tmp_path, "t")[0] == ended


def test_what_does_not_fit_is_cut_and_the_record_is_whole(tmp_path: Path) -> None:
    exit_record.allocate(tmp_path)
    long = "\U0001f600" * 5000
    for spawn_error in (None, long):
        write(
            tmp_path,
            record(said=long, spawn_error=spawn_error, result=ResultFacts("failed", long, long, 1.0)),
        )
        found, begun = exit_record.read_elsewhere(tmp_path, "t")
        assert found is not None
        assert begun == BEGUN
        assert found.result is not None
        assert found.result.metric_name is None, "a part of a name is another metric's"


def test_a_record_beside_the_folder_is_found_too(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    exit_record.allocate(folder)
    exit_record.write_beside(folder, record())
    assert exit_record.read_elsewhere(folder, "t") == (record(), None)
