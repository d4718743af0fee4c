"""The code of submitted runs, as it is typed: show, compare, rerun, snapshots, prune. Real repositories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import fast_path
from runforge.core.records import Job
from runforge.errors import InvalidRequest, OperationFailed
from runforge.queue import ordering, provenance
from runforge.store import targets, verify
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.queue.test_code_tree import Repo, made

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made_one = made(tmp_path / "project")
    made_one.write("src/train.sh", "echo one\n")
    made_one.write("uv.lock", "lock\n")
    made_one.commit()
    return made_one


@pytest.fixture
def run(ws: Workspace, repo: Repo, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(repo.root / "src")

    def call(*words: str) -> tuple[int, str, str]:
        code = fast_path.run([words[0], "-w", str(ws.root), *words[1:]])
        assert code is not None, words
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


def job(ws: Workspace, name: str = "@last") -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        return targets.job(tx, name)


def request(ws: Workspace, name: str = "@last") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ws.root / job(ws, name).run_dir / "request.json").read_bytes())
    return found


def submit(run: Run, *options: str) -> str:
    return run("submit", *options, "--", "sh", "train.sh")[1].strip()


def test_a_submitted_run_knows_its_code(ws: Workspace, repo: Repo, run: Run) -> None:
    commit = repo.git("rev-parse", "HEAD").strip()
    submit(run)
    lines = dict(
        line.split(maxsplit=1) for line in run("show", "@last")[1].splitlines() if line.startswith("Code")
    )
    assert lines["Code"].startswith(f"{commit[:10]} on main; tree ")
    repo.write("src/new.sh", "echo new\n")
    submit(run)
    code = json.loads(run("show", "@last", "--json")[1])["data"]["code"]
    assert (code["commit"], code["branch"], code["is_dirty"], code["folder"]) == (commit, "main", True, "src")
    assert code["root"] == str(repo.root)
    assert repo.refs() == sorted(
        f"refs/runforge/{t}" for t in {code["tree"], repo.git("rev-parse", "HEAD^{tree}").strip()}
    )
    assert code["facts"]["python"]["path"]
    assert list(code["facts"]["locks"]) == ["uv.lock"]
    _, said, _ = run("show", "@last", "--code")
    assert f"Tree       {code['tree']}\n" in said
    assert "Changed    yes\n" in said
    assert verify.check(ws) == []


def test_without_git_the_reason_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    monkeypatch.chdir(plain)
    run("submit", "--", "true")
    assert "Code       not kept: the folder is in no git repository" in run("show", "@last")[1]
    with pytest.raises(OperationFailed, match="no git repository"):
        run("show", "@last", "--diff")
    with pytest.raises(OperationFailed, match="no code was kept: the folder is in no git repository"):
        run("submit", "--snapshot", "--", "true")
    (tmp_path / "bash").symlink_to(str(shutil.which("bash")))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path / "project")
    run("submit", "--shell", "--", "true")
    assert "not kept: git is not installed" in run("show", "@last", "--code")[1]


def test_the_runs_are_made_anew_only_to_start_in_a_snapshot(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[ordering.Prepared] = []
    really = ordering.prepare
    monkeypatch.setattr(ordering, "prepare", lambda order: prepared.append(really(order)) or prepared[-1])
    submit(run)
    assert len(prepared) == 1
    submit(run, "--snapshot")
    before, after = [str(each.runs[0].request.folder) for each in prepared[1:]]
    assert "/.runforge/code/" in after
    assert "/.runforge/code/" not in before


def test_the_difference_between_then_and_now_can_be_applied(repo: Repo, run: Run) -> None:
    submit(run)
    assert run("show", "@last", "--code", "--diff")[1:] == ("", "The code is the same\n")
    repo.write("src/train.sh", "echo two\n")
    repo.write("extra \x1b[31m.sh", "echo extra\n")
    _, patch, _ = run("show", "@last", "--diff")
    assert "-echo one\n+echo two\n" in patch
    repo.git("checkout", "-q", ".")
    repo.git("clean", "-fdq")
    subprocess.run(["git", "-C", str(repo.root), "apply", "-"], input=patch, text=True, check=True)
    assert (repo.root / "src/train.sh").read_text() == "echo two\n"
    assert len(repo.refs()) == 1  # looking keeps nothing


def test_two_runs_are_compared(ws: Workspace, repo: Repo, run: Run) -> None:
    submit(run)
    repo.write("src/train.sh", "echo two\n")
    submit(run)
    numbers = [str(number) for number in sorted({job(ws, "@last~1").seq, job(ws).seq})]
    assert "+echo two" in run("compare", *numbers, "--diff")[1]
    found = json.loads(run("compare", *numbers, "--json")[1])["data"]["differences"]
    assert [each["name"] for each in found if each["section"] == "code"] == ["tree"]
    with pytest.raises(InvalidRequest, match="--diff takes two runs"):
        run("compare", numbers[0], "--diff")


def test_trees_of_different_repositories_cannot_be_compared(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(run)
    other = made(tmp_path / "other")
    other.write("train.sh", "1\n")
    monkeypatch.chdir(other.root)
    submit(run)
    with pytest.raises(OperationFailed, match="the two trees cannot be compared: git says"):
        run("compare", "--diff")


def test_a_snapshot_is_what_the_run_starts_in_whatever_changes_later(
    ws: Workspace, repo: Repo, run: Run
) -> None:
    repo.write("src/untracked.txt", "also\n")
    os.chmod(repo.root / "src/train.sh", 0o755)
    submit(run, "--snapshot")
    folder = Path(request(ws)["model"]["folder"])
    tree = job(ws).code_tree
    assert tree is not None
    assert folder == ws.code_dir / tree.partition("-")[0] / "src"
    repo.write("src/train.sh", "echo two\n")
    assert (folder / "train.sh").read_text() == "echo one\n"
    assert os.access(folder / "train.sh", os.X_OK)
    assert (folder / "untracked.txt").read_text() == "also\n"
    before = folder.stat().st_ino
    repo.write("src/train.sh", "echo one\n")
    submit(run, "--snapshot")
    assert request(ws)["model"]["folder"] == str(folder)
    assert folder.stat().st_ino == before
    assert [path.name for path in ws.hidden.iterdir() if path.name.startswith(".rf-tmp-")] == []


def test_a_sweep_starts_in_its_snapshot_too_and_config_may_say_so(
    ws: Workspace, repo: Repo, run: Run
) -> None:
    path = ws.hidden / "config.toml"
    path.write_text("[submit]\nsnapshot = true\n", "utf-8")
    path.chmod(0o600)
    run("submit", "-S", "a=1,2", "--", "sh", "train.sh", "{a}")
    for name in ("@last", "@last~1"):
        assert request(ws, name)["model"]["folder"].startswith(str(ws.code_dir))
    submit(run, "--no-snapshot")
    assert request(ws)["model"]["folder"] == str(repo.root / "src")
    assert job(ws).code_tree is not None
    with pytest.raises(InvalidRequest, match="contradict"):
        submit(run, "--no-snapshot", "--snapshot")


def test_files_that_are_left_out_of_a_snapshot_are_named(repo: Repo, run: Run) -> None:
    repo.write("big.bin", b"x" * (6 << 20))
    _, _, said = run("submit", "--snapshot", "--", "sh", "train.sh")
    assert "1 file is not in the snapshot, for their size or rights: big.bin" in said
    assert "1 file left out" in run("show", "@last")[1]


def test_rerun_with_the_code_of_then_or_of_now(ws: Workspace, repo: Repo, run: Run) -> None:
    submit(run)
    first = str(job(ws).seq)
    repo.write("src/train.sh", "echo two\n")
    run("rerun", first, "--code", "then")
    then = Path(request(ws)["model"]["folder"])
    assert (then / "train.sh").read_text() == "echo one\n"
    assert job(ws).code_tree == job(ws, first).code_tree
    run("rerun", "@last")  # as it was: with the code of then
    assert request(ws)["model"]["folder"] == str(then)
    assert job(ws).code_tree == job(ws, first).code_tree
    run("rerun", "@last", "--code", "now")
    assert request(ws)["model"]["folder"] == str(repo.root / "src")
    assert job(ws).code_tree not in {None, job(ws, first).code_tree}
    run("rerun", first)
    assert request(ws)["model"]["folder"] == str(repo.root / "src")
    assert job(ws).code_tree not in {None, job(ws, first).code_tree}
    with pytest.raises(InvalidRequest, match="Write --code then, or --code now"):
        run("rerun", first, "--code", "later")


def test_rerun_of_a_run_without_known_code(ws: Workspace, run: Run) -> None:
    run("submit", "--request", str(ws.root / "request.json"))
    number = str(job(ws).seq)
    run("rerun", number)
    run("submit", "--shell", "-C", "/", "--", "true")
    with pytest.raises(OperationFailed, match="no code was kept"):
        run("rerun", "@last", "--code", "then")


def test_what_no_run_needs_is_let_go(ws: Workspace, repo: Repo, run: Run) -> None:
    submit(run, "--snapshot")
    submit(run, "--snapshot")
    tree = str(job(ws).code_tree).partition("-")[0]
    run("cancel", "@last", "@last~1")
    run("remove", "-y", "@last")
    assert repo.refs() == [f"refs/runforge/{tree}"]
    assert (ws.code_dir / tree).is_dir()
    run("remove", "-y", "@last")
    assert repo.refs() == []
    assert not (ws.code_dir / tree).exists()
    submit(run)
    run("cancel", "@last")
    run("prune", "--older-than", "0s", "--yes")
    assert repo.refs() == []
    assert verify.check(ws) == []


def test_a_prune_at_the_same_moment_does_not_take_the_code_of_a_new_run(
    ws: Workspace, repo: Repo, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(run)
    run("cancel", "@last")
    number = str(job(ws).seq)
    real = provenance.capture

    def capture(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        run("remove", "-y", number)
        assert repo.refs() == []
        return found

    monkeypatch.setattr(provenance, "capture", capture)
    submit(run)
    assert len(repo.refs()) == 1


def test_a_slow_git_holds_no_submit_up(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n", "ascii")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    submit(run)
    assert "not kept: git took too long" in run("show", "@last")[1]


def test_a_refused_submit_keeps_nothing(ws: Workspace, repo: Repo, run: Run) -> None:
    with pytest.raises(InvalidRequest):
        run("submit", "--snapshot", "--", "sh", "train.sh", "{nothing}")
    run("submit", "--dry-run", "--snapshot", "--", "sh", "train.sh")
    assert repo.refs() == []
    assert not ws.code_dir.exists()
