"""Prepared rows are kept for the same file and the same request only, and nobody can change them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runforge.errors import Missing
from runforge.training import prepared
from runforge.training.prepared import Wanted
from tests.training.kit import table


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    path = tmp_path / "data.csv"
    write(path, table())
    prepared._kept.cache_clear()
    prepared._table.cache_clear()
    return Wanted(path, "label", None, 1, None, None)


def write(path: Path, text: str) -> None:
    """Write a dataset that seems to be an hour old, as far as a program can make it seem so."""
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def hits() -> int:
    return prepared._kept.cache_info().hits


def state_of(prepare: Any) -> list[str]:
    """Return what each step of a transformer has learned."""
    return [
        f"{name} {sorted(vars(step).items())}"
        for name, part, _ in prepare.transformers_
        for name, step in part.steps
    ]


def test_the_same_rows_are_prepared_once(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    first, second = prepared.rows(wanted), prepared.rows(wanted)
    assert hits() == 1
    assert np.array_equal(first.train[0], second.train[0])
    assert np.array_equal(first.test[1], second.test[1])
    assert (first.lines, first.told, first.feature_names) == (second.lines, second.told, second.feature_names)


def test_what_a_run_does_to_its_rows_is_not_in_the_next_ones(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    first = prepared.rows(wanted)
    whole = first.train[0].copy()
    first.train[0][:] = 7
    first.lines.append("poison")
    first.told["rows"] = 0
    first.encoder.classes_ = np.array(["poison"])
    second = prepared.rows(wanted)
    assert hits() == 1
    assert np.array_equal(second.train[0], whole)
    assert "poison" not in second.lines
    assert second.told["rows"] == 150
    assert list(second.encoder.classes_) == ["kind_0", "kind_1", "kind_2"]


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"max_rows": 60}, {"separator": ","}, {"label_type": "class"}, {"label": "colour"}],
)
def test_another_request_gets_rows_of_its_own(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    prepared.rows(wanted)
    prepared.rows(wanted._replace(**change))
    assert hits() == 0


def test_a_file_that_was_changed_is_read_again(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    before = prepared.rows(wanted)
    text = wanted.path.read_text()
    write(wanted.path, text.replace("kind_0", "kind_9"))  # as long, and as old
    after = prepared.rows(wanted)
    assert list(before.encoder.classes_) == ["kind_0", "kind_1", "kind_2"]
    assert list(after.encoder.classes_) == ["kind_1", "kind_2", "kind_9"]
    os.unlink(wanted.path)
    with pytest.raises(Missing):
        prepared.rows(wanted)


def test_a_file_that_has_just_changed_is_not_relied_on(wanted: Wanted) -> None:
    prepared.rows(wanted)
    prepared.rows(wanted)
    assert prepared._kept.cache_info().currsize == 0


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    read = prepared._read

    def and_change(asked: Wanted) -> prepared.Table:
        found = read(asked)
        write(asked.path, table(90))
        return found

    monkeypatch.setattr(prepared, "_read", and_change)
    prepared.rows(wanted)
    assert prepared._kept.cache_info().currsize == prepared._table.cache_info().currsize == 0


def test_a_large_file_is_not_kept(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    monkeypatch.setattr(prepared, "_LARGEST", 100)
    assert prepared.rows(wanted).told["rows"] == 150
    assert prepared._kept.cache_info().currsize == 0


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("rows", [40, 150])
def test_with_another_seed_only_the_parts_are_fitted_anew_and_the_rows_are_the_same(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, rows: int, is_whole: bool
) -> None:
    """With few rows some texts are only in the table, and not in what is trained on. Where no cell is missing, less is done."""
    text = table(rows).replace("red", "pink", 1)
    write(wanted.path, text.replace(",,", ",0.5,").replace(",?,", ",blue,") if is_whole else text)
    for seed in range(12):
        asked = wanted._replace(seed=seed)
        monkeypatch.setattr(prepared, "_FRESH_NS", 2_000_000_000)
        alone = prepared.rows(asked)
        monkeypatch.setattr(prepared, "_FRESH_NS", 0)
        kept = prepared.rows(asked)
        for ours, other in zip((*kept.train, *kept.test), (*alone.train, *alone.test), strict=True):
            assert ours.tobytes() == other.tobytes()
            assert ours.flags.c_contiguous == other.flags.c_contiguous
        assert (kept.lines, kept.told, kept.feature_names) == (alone.lines, alone.told, alone.feature_names)
        features = prepared._read(asked).data.features
        assert np.array_equal(kept.prepare.transform(features), alone.prepare.transform(features))
        assert state_of(kept.prepare) == state_of(alone.prepare)
    assert prepared._table.cache_info().misses == 1


def test_rows_that_are_chosen_by_the_seed_are_read_anew(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_FRESH_NS", 0)
    for seed in (1, 2):
        prepared.rows(wanted._replace(max_rows=60, seed=seed))
    assert prepared._table.cache_info().misses == 2
