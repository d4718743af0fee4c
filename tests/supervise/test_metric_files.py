"""Whose file it is: runs share folders, and a metric must not be shown for a run that did not write it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts.spec import Spec, from_json
from runforge.metrics.run_curves import read_curves
from runforge.metrics.sources import listed
from runforge.metrics.sources.listed import CHANGED, HELD, NAMED, Source
from runforge.supervise import changed_files, metric_files
from runforge.supervise.changed_files import changed_below
from runforge.supervise.folder_claims import FolderClaims, Whose
from runforge.supervise.metric_files import MetricFiles
from tests.supervise.kit import Attempt

ROWS = "step,loss\n1,0.5\n"


class Run:
    """A run of a workspace, seen by the search alone."""

    def __init__(self, root: Path, name: str, *arguments: str, cwd: str = ".", **request: Any) -> None:
        self.root = root
        (root / ".runforge").mkdir(exist_ok=True)
        self.folder = root / name
        self.folder.mkdir()
        attempt = Attempt(self.folder)
        self.run_dir = attempt.run_dir
        model = {"family": "command", "hyperparameters": {"seed": 3, "data": {"fold": 7}}}
        payload = {
            "request": {"device": {"type": "cpu"}, "model": model, **request},
            "grant": {"gpus": 0, "gpu": None},
            "threads": 1,
        }
        spec = attempt.spec(["train", *arguments], workspace=str(root), cwd=str(root / cwd), payload=payload)
        self.spec: Spec = from_json(spec.read_bytes())
        self.files = MetricFiles(self.spec, lambda: True)
        self.files.begin()
        self.files._note_folders()

    def found(self) -> dict[str, str]:
        """Look now; return how each file became a source."""
        self.files._next = 0
        self.files.look()
        sources = listed.read(self.run_dir)
        return {os.path.relpath(source.path, self.root): source.by for source in sources.files}

    def doubtful(self) -> list[str]:
        return [os.path.relpath(path, self.root) for path in listed.read(self.run_dir).doubtful]


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def begin(*arguments: str, **given: Any) -> Run:
        runs.append(Run(tmp_path, f"r{len(runs)}", *arguments, **given))
        return runs[-1]

    yield begin
    for run in runs:
        assert run.files._claims is not None
        run.files._claims.release()


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ROWS)


def write_before(path: Path) -> None:
    write(path)
    os.utime(path, (1, 1))


# --- files that are open ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["ab", "wb", "rb"])
def test_a_file_that_the_run_has_open_for_writing_is_its_own(
    start: Start, tmp_path_factory: pytest.TempPathFactory, mode: str
) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "events.out.tfevents.1.host"
    path.touch()
    run = start()
    code = f"import sys; out = open({str(path)!r}, {mode!r}); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = run.found()
        child.communicate()
    assert list(found.values()) == ([] if mode == "rb" else [HELD])


# --- files that changed -------------------------------------------------------------------------------


def test_a_file_that_changed_where_only_this_run_is(start: Start, tmp_path: Path) -> None:
    old = tmp_path / "old" / "results.csv"
    write(old)
    os.utime(old, (1, 1))
    run = start()
    write(tmp_path / "runs" / "train" / "results.csv")
    write(tmp_path / "data" / "train.csv")
    assert run.found() == {"runs/train/results.csv": CHANGED}
    assert read_curves(run.run_dir)["loss"].values == [0.5]


def test_a_document_of_numbers_is_told_from_lines(start: Start, tmp_path: Path) -> None:
    run = start()
    (tmp_path / "metrics.json").write_text('{\n  "loss": [0.5, 0.25]\n}\n')
    (tmp_path / "scalars.json").write_text('{"step": 1, "acc": 0.5}\n')
    assert run.found() == {"metrics.json": CHANGED, "scalars.json": CHANGED}
    assert {source.kind for source in listed.read(run.run_dir).files} == {"trainer", "lines"}
    assert read_curves(run.run_dir)["loss"].values == [0.5, 0.25]


def test_of_two_runs_in_a_folder_nobody_is_guessed(start: Start, tmp_path: Path) -> None:
    first, second = start(), start()
    write(tmp_path / "results.csv")
    for run in (first, second):
        assert run.found() == {}
        assert run.doubtful() == ["results.csv"]


def test_a_run_that_was_there_meanwhile_is_not_forgotten(start: Start, tmp_path: Path) -> None:
    first = start()
    start().files.end()
    write(tmp_path / "results.csv")
    assert first.found() == {}
    assert first.doubtful() == ["results.csv"]


def test_a_run_that_ended_before_is_no_reason_to_doubt(start: Start, tmp_path: Path) -> None:
    start().files.end()
    run = start()
    write(tmp_path / "results.csv")
    assert run.found() == {"results.csv": CHANGED}


def test_runs_with_folders_of_their_own_in_their_arguments(start: Start, tmp_path: Path) -> None:
    first, second = start("--out=out/1"), start("--out", "out/2", "--lr", "0.1")
    for number in (1, 2):
        write(tmp_path / "out" / str(number) / "version_0" / "metrics.csv")
    assert first.found() == {"out/1/version_0/metrics.csv": CHANGED}
    assert second.found() == {"out/2/version_0/metrics.csv": CHANGED}
    assert first.doubtful() == second.doubtful() == []


def test_a_folder_of_a_run_that_ended_meanwhile_stays_its_own(start: Start, tmp_path: Path) -> None:
    outer, inner = start(), start("--out=out/1")
    write(tmp_path / "out" / "1" / "results.csv")
    inner.files.end()
    assert outer.found() == {}
    assert outer.doubtful() == []


def test_a_table_that_others_began_is_not_the_runs(start: Start, tmp_path: Path) -> None:
    write_before(tmp_path / "results.csv")
    run = start()
    with (tmp_path / "results.csv").open("a") as out:
        out.write("2,0.25\n")
    assert run.found() == {}
    assert run.doubtful() == ["results.csv"]


def test_a_table_that_is_written_anew_is_the_runs(start: Start, tmp_path: Path) -> None:
    write_before(tmp_path / "results.csv")
    run = start()
    (tmp_path / "results.csv").write_text("step,loss\n1,0.7\n2,0.6\n")
    assert run.found() == {"results.csv": CHANGED}


def test_a_table_that_an_earlier_attempt_began_is_the_runs(start: Start, tmp_path: Path) -> None:
    write_before(tmp_path / "results.csv")
    run = start()
    (run.run_dir / "previous" / "1").mkdir(parents=True)
    line = listed.encode(file=Source(str(tmp_path / "results.csv"), "table", CHANGED))
    (run.run_dir / "previous" / "1" / listed.NAME).write_bytes(line)
    run.files._known = set(metric_files._of_earlier_attempts(run.run_dir))
    with (tmp_path / "results.csv").open("a") as out:
        out.write("2,0.25\n")
    assert run.found() == {"results.csv": CHANGED}


def test_what_is_in_the_run_folder_is_the_runs(start: Start) -> None:
    run, _ = start(), start()
    write(run.run_dir / "results.csv")
    assert list(run.found().values()) == [CHANGED]


def test_without_the_small_files_nothing_is_guessed(start: Start, tmp_path: Path) -> None:
    (tmp_path / ".runforge").mkdir()
    (tmp_path / ".runforge" / "folders").write_text("in the way")
    run = start()
    write(tmp_path / "results.csv")
    assert run.found() == {}


# --- what a person wishes -----------------------------------------------------------------------------


def test_a_named_file_is_the_only_one(start: Start, tmp_path: Path) -> None:
    run = start(metrics="out/{seed}/{data.fold}.txt")
    write(tmp_path / "results.csv")
    assert run.found() == {}
    write(tmp_path / "out" / "3" / "7.txt")
    assert run.found() == {"out/3/7.txt": NAMED}
    assert read_curves(run.run_dir)["loss"].values == [0.5]


def test_a_named_folder_gives_all_its_well_known_files(start: Start, tmp_path: Path) -> None:
    run = start(metrics="out")
    for name in ("a/results.csv", "b/results.csv", "b/other.csv"):
        write(tmp_path / "out" / name)
    assert run.found() == {"out/a/results.csv": NAMED, "out/b/results.csv": NAMED}


def test_nobody_is_asked_for_metrics(start: Start, tmp_path: Path) -> None:
    run = start(metrics="none")
    write(tmp_path / "results.csv")
    (run.run_dir / "logs.txt").write_text("loss: 0.5\n")
    assert run.found() == {}
    assert read_curves(run.run_dir) == {}


def test_a_pattern_for_the_log(start: Start) -> None:
    run = start(metrics=r"re:(?P<name>\w+)=(?P<value>\S+)")
    (run.run_dir / "logs.txt").write_text("loss=0.5\n")
    assert read_curves(run.run_dir)["loss"].values == [0.5]


# --- bounds -------------------------------------------------------------------------------------------


def test_a_search_follows_no_link_and_enters_no_hidden_folder(tmp_path: Path) -> None:
    write(tmp_path / "a" / "results.csv")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    write(tmp_path / ".hidden" / "results.csv")
    assert list(changed_below(str(tmp_path), 0)) == [str(tmp_path / "a" / "results.csv")]


def test_a_search_ends_in_a_large_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "late" / "results.csv")
    for number in range(10):
        (tmp_path / f"f{number}").touch()
    assert list(changed_below(str(tmp_path), 0))
    monkeypatch.setattr(changed_files, "_MOST_NAMES", 5)
    assert not list(changed_below(str(tmp_path), 0))


def test_small_files_of_old_folders_are_deleted(tmp_path: Path) -> None:
    old = FolderClaims(tmp_path, "old")
    old.claim(["/a"])
    old.release()
    (small,) = (tmp_path / "folders").iterdir()
    os.utime(small, (1, 1))
    going = FolderClaims(tmp_path, "going")
    going.claim(["/b"])
    FolderClaims(tmp_path, "other")._sweep()
    assert len(list((tmp_path / "folders").iterdir())) == 1
    assert going.whose("/b") is Whose.OURS


# --- a whole run --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_real_run_with_a_table(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    (tmp_path / ".runforge").mkdir()
    code = "import time; open('results.csv', 'w').write('step,loss\\n1,0.5\\n'); time.sleep(0.6)"
    attempt.start(code, workspace=str(tmp_path), cwd=str(tmp_path))
    attempt.wait()
    assert read_curves(attempt.run_dir)["loss"].values == [0.5]
