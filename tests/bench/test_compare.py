"""The bench compares two checkouts from end to end, on tiny sizes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def git(folder, *words):
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no git repository to take two revisions from: {done.stderr.strip()}")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """This repository once more, so that nothing is noted in the one that is worked on."""
    folder = tmp_path_factory.mktemp("compare")
    git(ROOT, "rev-parse", "HEAD")
    git(folder, "clone", "--quiet", "--no-hardlinks", "--depth", "1", ROOT.as_uri(), "clone")
    return folder / "clone"


def compared(clone, tmp_path, *words):
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "bench", "--quick", "--rounds", "1", "--compare", *words]
    return subprocess.run(
        command, cwd=clone, env=env, capture_output=True, text=True, timeout=600, check=False
    )


def test_each_figure_of_both_and_how_many_times_as_much(clone, tmp_path):
    done = compared(clone, tmp_path, "HEAD", "--only", "n,g")
    assert done.returncode == 0, done.stderr
    head, *lines = [line.split(" | ") for line in done.stdout.splitlines()]
    assert head == ["figure", "this checkout", "HEAD", "times"]
    assert {line[0].partition(" ")[0] for line in lines} == {"n", "g"}
    assert all(len(line) == 4 for line in lines), done.stdout
    for name, ours, other, times in lines:
        assert float(ours) > 0, name
        assert float(other) > 0, name
        assert float(times) > 0, name
    assert git(clone, "worktree", "list").count("\n") == 0  # that of the other revision is gone
    assert os.listdir(tmp_path) == []


def test_an_unknown_revision_is_refused(clone, tmp_path):
    done = compared(clone, tmp_path, "no-such-revision", "--only", "n")
    assert done.returncode == 1
    assert "no-such-revision" in done.stderr
    assert "Traceback" not in done.stderr
