"""A working tree is kept as it is, in real repositories: dirty, unborn, bare, linked, with submodules and filters."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from runforge.machine import program_output
from runforge.machine.git import Git, GitFailed
from runforge.queue import code_tree

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
IDENTITY = ("-c", "user.name=eve", "-c", "user.email=eve@example.org")


class Repo:
    """A repository with one commit, and a folder for RunForge's own files beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hidden = root.parent / "hidden"
        self.hidden.mkdir(exist_ok=True)

    def git(self, *words: str) -> str:
        command = ["git", *IDENTITY, "-C", str(self.root), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=CLEAN).stdout

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one")

    def keep(self, folder: str = ".", *, holder: str = "/ws", seconds: float = 20.0) -> code_tree.Tree:
        kept = code_tree.keep(self.root / folder, self.hidden, Path(holder), seconds=seconds)
        assert list(self.hidden.iterdir()) == []
        return kept

    def files(self, tree: str) -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", tree).splitlines()

    def refs(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)", "refs/runforge").splitlines()


def made(root: Path) -> Repo:
    root.mkdir(parents=True)
    repo = Repo(root)
    repo.git("init", "-q", "-b", "main")
    return repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made_one = made(tmp_path / "repo")
    made_one.write("train.py", "print(1)\n")
    made_one.write("lib/model.py", "x = 1\n")
    made_one.write(".gitignore", "data/\n*.ckpt\n")
    made_one.commit()
    return made_one


def untouched(repo: Repo) -> tuple[object, ...]:
    index = repo.root / ".git" / "index"
    return (
        index.read_bytes(),
        repo.git("stash", "list"),
        repo.git("for-each-ref", "refs/heads"),
        repo.git("status", "-s"),
    )


def test_what_is_clean_is_the_tree_of_its_commit(repo: Repo) -> None:
    kept = repo.keep()
    assert kept.tree == repo.git("rev-parse", "HEAD^{tree}").strip()
    assert kept.commit == repo.git("rev-parse", "HEAD").strip()
    assert (kept.branch, kept.is_dirty, kept.left_out_count, kept.ignored_count) == ("main", False, 0, 0)
    assert kept.root == repo.root


def test_what_is_kept_already_costs_few_calls_of_git(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = repo.keep()
    calls: list[str] = []
    ended: list[str] = []

    class Counted(program_output.Program):
        def __init__(self, words: Sequence[str], env: Mapping[str, str]) -> None:
            self.name = words[words.index("-C") + 2]
            calls.append(self.name)
            super().__init__(words, env)

        def output(self, given: bytes, end: float) -> program_output.Output:
            ended.append(self.name)
            return super().output(given, end)

    monkeypatch.setattr(program_output, "Program", Counted)
    assert repo.keep() == kept
    assert calls == ["config", "rev-parse", "ls-files", "ls-files", "write-tree", "cat-file"]
    # The first two run beside each other, and what is ignored is listed beside all that the tree takes.
    assert ended == ["rev-parse", "config", "ls-files", "write-tree", "ls-files", "cat-file"]


def test_a_branch_is_told_also_where_the_refs_are_kept_in_tables(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("checkout", "-q", "-b", "some/name")
    assert repo.keep().branch == "some/name"
    git = Git(repo.root, time.monotonic() + 20)
    place = git.place()
    (repo.root / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    monkeypatch.setattr(Git, "text", lambda *_words, **_more: "refs/heads/in/a/table")  # of a newer git
    assert code_tree._branch(git, place) == "in/a/table"


def test_changed_deleted_and_untracked_files_count_and_nothing_of_the_user_is_touched(repo: Repo) -> None:
    repo.write("train.py", "print(2)\n")
    repo.write("new dir/ü\n.py", "print(3)\n")
    (repo.root / "lib" / "model.py").unlink()
    (repo.root / "link").symlink_to("/etc/passwd")
    repo.write("staged.py", "staged\n")
    repo.git("add", "staged.py")
    repo.write("staged.py", "later\n")
    before = untouched(repo)
    kept = repo.keep("new dir")
    assert untouched(repo) == before
    assert kept.is_dirty
    names = repo.git("ls-tree", "-r", "-z", "--name-only", kept.tree).split("\0")
    assert sorted(filter(None, names)) == [".gitignore", "link", "new dir/ü\n.py", "staged.py", "train.py"]
    assert repo.git("cat-file", "blob", f"{kept.tree}:train.py") == "print(2)\n"
    assert repo.git("cat-file", "blob", f"{kept.tree}:staged.py") == "later\n"
    assert repo.git("cat-file", "blob", f"{kept.tree}:link") == "/etc/passwd"


def test_a_change_of_the_same_size_in_the_same_second_is_seen(repo: Repo) -> None:
    repo.git("config", "core.trustctime", "false")  # it would be seen by that a second later
    path, index, moment = repo.root / "train.py", repo.root / ".git" / "index", (1_700_000_000, 1_700_000_000)
    os.utime(path, moment)
    repo.git("update-index", "--refresh")
    os.utime(index, moment)
    path.write_text("print(9)\n")
    os.utime(path, moment)
    assert repo.git("cat-file", "blob", f"{repo.keep().tree}:train.py") == "print(9)\n"


def test_the_ref_outlives_gc_and_goes_with_its_last_workspace(repo: Repo) -> None:
    repo.write("new.py", "kept\n")
    tree = repo.keep(holder="/a").tree
    repo.keep(holder="/b")
    repo.keep(holder="/a")
    assert repo.refs() == [f"refs/runforge/{tree}"]
    (repo.root / "new.py").unlink()
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("cat-file", "blob", f"{tree}:new.py") == "kept\n"
    git = Git(repo.root, time.monotonic() + 20)
    code_tree.release(git, tree, Path("/a"))
    code_tree.release(git, tree, Path("/a"))
    assert repo.refs() == [f"refs/runforge/{tree}"]
    code_tree.release(git, tree, Path("/b"))
    assert repo.refs() == []


def test_large_files_and_ignored_ones_are_left_out_and_counted(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_tree, "FILE_LIMIT", 1000)
    monkeypatch.setattr(code_tree, "ALL_LIMIT", 1500)
    repo.write("huge.bin", b"x" * 1001)
    for number in range(3):
        repo.write(f"part{number}.bin", b"x" * (600 + number))
    repo.write("data/train.csv", "1")
    repo.write("data/test.csv", "1")
    repo.write("best.ckpt", "1")
    repo.write(".runforge/runs/1/request.json", "{}")
    repo.write("train.py", "y" * 2000)
    kept = repo.keep()
    left_out = {each["path"]: each["why"] for each in kept.left_out}
    assert left_out == {"huge.bin": "too large", "train.py": "too large", "part2.bin": "too much together"}
    assert (kept.left_out_count, kept.ignored_count, kept.is_dirty) == (3, 2, True)
    assert repo.files(kept.tree) == [".gitignore", "lib/model.py", "part0.bin", "part1.bin", "train.py"]
    assert repo.git("cat-file", "blob", f"{kept.tree}:train.py") == "print(1)\n"


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    repo = made(tmp_path / "unborn")
    repo.write("train.py", "print(1)\n")
    kept = repo.keep()
    assert (kept.commit, kept.branch, kept.is_dirty) == (None, "main", True)
    assert repo.files(kept.tree) == ["train.py"]
    assert repo.refs() == [f"refs/runforge/{kept.tree}"]


def test_a_detached_head_has_no_branch(repo: Repo) -> None:
    repo.git("checkout", "-q", "--detach")
    assert repo.keep().branch is None


def test_a_bare_repository_and_a_git_folder_have_no_working_tree(tmp_path: Path, repo: Repo) -> None:
    bare = tmp_path / "bare.git"
    repo.git("clone", "-q", "--bare", str(repo.root), str(bare))
    for folder in (bare, repo.root / ".git"):
        with pytest.raises(GitFailed, match="the repository has no working tree"):
            Repo(folder).keep()


def test_a_linked_working_tree_has_its_own_index(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    linked.write("only.py", "here\n")
    kept = linked.keep()
    assert (kept.branch, kept.root) == ("other", linked.root)
    assert "only.py" in linked.files(kept.tree)
    assert repo.keep().tree != kept.tree
    assert len(repo.refs()) == 2


def test_a_submodule_is_its_commit_and_a_nested_repository_is_left_out(repo: Repo, tmp_path: Path) -> None:
    part = made(tmp_path / "part")
    part.write("part.py", "1\n")
    part.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(part.root), "sub")
    repo.commit()
    inside = Repo(repo.root / "sub")
    inside.write("part.py", "2\n")
    inside.commit()
    nested = made(repo.root / "nested")
    nested.write("a.py", "1\n")
    nested.commit()
    kept = repo.keep()
    assert repo.git("ls-tree", kept.tree, "sub").split()[1:3] == [
        "commit",
        inside.git("rev-parse", "HEAD").strip(),
    ]
    assert [(each["path"], each["why"]) for each in kept.left_out] == [("nested/", "a repository of its own")]
    # From inside of the submodule it is the submodule that counts.
    assert inside.keep().root == inside.root


def test_no_hook_filter_or_monitor_of_the_repository_runs(repo: Repo, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    spy = tmp_path / "spy"
    spy.write_text(f'#!/bin/sh\necho "$0 $@" >> "{trace}"\ncat\n', "ascii")
    spy.chmod(0o755)
    for hook in ("reference-transaction", "post-index-change", "pre-auto-gc", "post-checkout", "pre-commit"):
        (repo.root / ".git" / "hooks" / hook).symlink_to(spy)
    for key in ("filter.a.clean", "filter.a.smudge", "filter.b.process", "core.fsmonitor", "gpg.program"):
        repo.git("config", key, str(spy))
    repo.git("config", "filter.a.required", "true")
    repo.git("config", "commit.gpgSign", "true")
    trace.unlink(missing_ok=True)
    repo.write(".gitattributes", "*.bin filter=a\n*.dat filter=b\n*.py filter=a diff=a\n")
    repo.git("config", "diff.a.textconv", str(spy))
    repo.write("x.bin", "raw\n")
    repo.write("x.dat", "raw\n")
    repo.write("train.py", "other\n")
    kept = repo.keep()
    target = tmp_path / "out"
    git = Git(repo.root, time.monotonic() + 20)
    code_tree.write_out(git, kept.tree, target)
    assert b"+other" in code_tree.diff(git, "HEAD", kept.tree)
    code_tree.release(git, kept.tree, Path("/ws"))
    assert not trace.exists(), trace.read_text()
    assert (target / "x.bin").read_text() == "raw\n"


def test_variables_of_a_hook_around_it_do_not_lead_elsewhere(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert "train.py" in repo.files(repo.keep().tree)
    assert other.refs() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_that_git_does_not_trust_is_told(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(repo.hidden.parent))
    for path in [repo.root, *repo.root.rglob("*")]:
        os.lchown(path, 12345, 12345)
    with pytest.raises(GitFailed, match=r"does not trust the folder.*safe\.directory"):
        repo.keep()


def test_a_git_that_takes_too_long_is_left(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n", "ascii")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(GitFailed, match="git took too long"):
        repo.keep(seconds=0.3)


def test_a_damaged_repository_is_told(repo: Repo) -> None:
    (repo.root / ".git" / "index").write_bytes(b"DIRC rubbish")
    with pytest.raises(GitFailed, match="git says: "):
        repo.keep()


def test_git_at_work_beside_it_disturbs_neither(repo: Repo) -> None:
    stop = threading.Event()
    failed: list[Exception] = []

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                repo.write(f"w{number % 5}.py", f"{number}\n")
                repo.commit()
                repo.git("stash", "list")
            except Exception as error:  # noqa: BLE001 - looked at below
                failed.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        kept = {repo.keep().tree for _ in range(8)}
    finally:
        stop.set()
        thread.join()
    assert failed == []
    repo.git("fsck", "--strict")
    assert {name.rpartition("/")[2] for name in repo.refs()} == kept


def test_two_keep_the_same_tree_at_the_same_time(repo: Repo) -> None:
    found: list[str] = []
    holders = [f"/ws{number}" for number in range(4)]
    threads = [
        threading.Thread(
            target=lambda holder=holder: found.append(
                code_tree.keep(repo.root, repo.hidden, Path(holder), seconds=30).tree
            )
        )
        for holder in holders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    message = repo.git("log", "-1", "--format=%B", repo.refs()[0])
    assert sorted(line for line in message.splitlines() if "/ws" in line) == [
        f"workspace: {h}" for h in holders
    ]
