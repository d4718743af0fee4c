"""What `submit` refuses: with what is wrong, where, and what to do; and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.workspace import Workspace
from tests.e2e.desk import Desk
from tests.e2e.test_commands import fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(ws: Workspace, tmp_path: Path) -> Desk:
    return Desk(ws, tmp_path / "desk")


_REFUSED: list[tuple[int, list[str], str]] = [
    (2, [], "no command is given. Write it after `--`"),
    (2, ["--"], "no command is given"),
    (2, ["--", "python train.py"], "Did you mean --shell?"),
    (2, ["--", "FOO=1", "python", "train.py"], "Did you mean -e FOO=1?"),
    (2, ["--shell", "--", "echo", "a"], "--shell takes one line"),
    (2, ["-S", "lr=1,2", "--", "python", "train.py", "--lr", "{rl}"], "Did you mean 'rl'?"),
    (2, ["-S", "lr=1,2", "--", "python", "train.py"], "does not name {lr}"),
    (2, ["-S", "lr=1,2", "--shell", "--", "python train.py"], "does not name {lr}"),
    (
        2,
        ["-S", "learning_rate=1", "--", "echo", "{learning_rate}", "{learning_rat}"],
        "Did you mean 'learning_rate'?",
    ),
    (2, ["-S", "lr_rate=1", "--shell", "--", "echo {lr_rate} {lr_rat}"], "Did you mean 'lr_rate'?"),
    (2, ["--", "echo", "{lr}"], "nothing fills {lr} in the command. Add -S lr=VALUES"),
    (2, ["-S", "lr=null,1", "--", "echo", "{lr}"], "is null"),
    (2, ["-S", "lr", "--", "echo", "{lr}"], "there is no `=`"),
    (2, ["-S", "=1", "--", "echo", "{lr}"], "is no parameter's name"),
    (2, ["-S", "lr=1e-5..1e-1:log", "--", "echo", "{lr}"], "needs --random N or --tpe N"),
    (2, ["-S", "lr=1", "-S", "lr=2", "--", "echo", "{lr}"], "varied twice"),
    (2, ["-S", "a=1,2", "-S", "b=1", "--zip", "a,b", "--", "echo", "{a}{b}"], "a has 2, b has 1"),
    (2, ["--zip", "a,b", "--", "echo"], "'a' is not given by -S"),
    (6, ["-S", "n=1..99999999999", "--", "echo", "{n}"], "the limit is 10,000"),
    (6, ["-S", "n=1..3", "--max-runs", "2", "--", "echo", "{n}"], "--max-runs 3"),
    (2, ["-S", "api_key=a,b", "--", "echo", "{api_key}"], "looks like a secret"),
    (2, ["--notes", "https://me:pass@x.y", "--", "true"], "notes looks like a secret"),
    (2, ["-e", "API_KEY=x", "--", "true"], "looks like a secret"),
    (2, ["-e", "X", "--", "true"], "is not NAME=value"),
    (3, ["--", "no-such-program"], "program not found"),
    (3, ["--", "./no-such-program"], "program not found"),
    (3, ["-C", "/no/such", "--", "true"], "there is no folder /no/such"),
    (3, ["--from", "none.csv", "--", "echo", "{a}"], "file not found"),
    (3, ["--request", "none.json"], "request not found"),
    (3, ["--env-from", "none.env", "--", "true"], "is missing"),
    (2, ["--request", "x.json", "--", "true"], "Give one of the two"),
    (2, ["--params", "env", "--", "true"], "Write --params file"),
    (2, ["--max-parallel", "2", "--", "true"], "Add -g GROUP"),
    (2, ["--backoff", "1s", "--", "true"], "Add --retry N"),
    (2, ["--follow", "-S", "a=1", "--", "echo", "{a}"], "Use --wait for a sweep"),
    (2, ["--retry", "0", "--", "true"], "no number from 1"),
    (2, ["--retry", "2:exti", "--", "true"], "Did you mean 'exit'?"),
    (2, ["-t", "0s", "--", "true"], "more than 0"),
    (2, ["-t", "90", "--", "true"], "is not a valid time"),
    (2, ["--grace", "2h", "--", "true"], "at most 1h"),
    (2, ["--mem", "10", "--", "true"], "Write 800M or 10G"),
    (2, ["--at", "yesterday", "--", "true"], "is no time"),
    (2, ["--at", "2020-01-01T00:00", "--", "true"], "is in the past"),
    (2, ["--metric", "blurb", "--", "true"], "blurb:min"),
    (2, ["-g", " ", "--", "true"], "-g is empty"),
    (1, ["--after", "99", "--", "true"], "99"),
    (2, ["--after", "1:succes", "--", "true"], "no way to end"),
    (2, ["--after", ":ok", "--", "true"], "names nothing to wait for"),
    (2, ["--after", "", "--", "true"], "names nothing to wait for"),
    (2, ["--metric", "loss:mn", "--", "true"], "'mn' is no direction. Did you mean 'min'?"),
    (2, ["--metric", "", "--", "true"], "--metric is empty"),
    (2, ["--tag", "", "--", "true"], "--tag is empty"),
    (1, ["-g", "grp_20200101_000000_x", "--", "true"], "no group"),
    (2, ["-G", "-1", "--", "true"], "--gpus"),
    (1, ["--cpus", "65000", "--", "true"], "could never start: it asks for 65000 CPUs"),
    (1, ["--mem", "900T", "--", "true"], "could never start: it asks for"),
    (2, ["--random", "3", "--", "true"], "--random"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk whose queue has one run and is not to be changed."""
    from runforge.cli.setup import make_workspace

    folder = tmp_path_factory.mktemp("refused")
    made = Desk(make_workspace(folder / "ws"), folder / "desk")
    made.submit("--", "true")
    return made


@pytest.mark.parametrize(
    ("code", "words", "said"),
    _REFUSED,
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    shared: Desk, code: int, words: list[str], said: str
) -> None:
    before = fingerprint(shared.ws.root)
    done = shared.type("submit", *words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("ERROR: ")
    assert done.stderr.count("\n") == 1
    assert fingerprint(shared.ws.root) == before


def test_outside_of_a_workspace_it_says_in_one_line_how_to_make_one(desk: Desk) -> None:
    done = desk.type("submit", "--", "true", RUNFORGE_WORKSPACE="")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "`runforge init --bare`" in done.stderr
    made = desk.type("init", "--bare")
    assert made.returncode == 0
    assert sorted(path.name for path in desk.folder.iterdir()) == [".runforge", "train.py"]
    assert (desk.folder / ".runforge" / ".gitignore").read_text() == "*\n"
    assert desk.type("submit", "--", "true", RUNFORGE_WORKSPACE="").returncode == 0


def test_init_in_a_folder_with_files_makes_only_the_queue_and_says_so(desk: Desk) -> None:
    made = desk.type("init")
    assert "the folder is not empty, so it got no samples" in made.stdout
    assert "runforge submit -- " in made.stdout
    assert sorted(path.name for path in desk.folder.iterdir()) == [".runforge", "train.py"]


def test_a_run_does_not_wait_for_its_own_group_or_for_what_has_failed(desk: Desk) -> None:
    desk.submit("-g", "lm", "--", "true")
    circle = desk.type("submit", "-g", "lm", "--after", "lm", "--", "true")
    assert circle.returncode == 2
    assert "cannot wait for" in circle.stderr
    desk.type("cancel-run", "@last")
    before = sorted(desk.ws.runs_dir.iterdir())
    late = desk.type("submit", "--after", "1", "--", "true")
    assert (late.returncode, late.stdout) == (1, "")
    assert "already" in late.stderr
    both = desk.type("submit", "--after", "1:ok", "--after", "1:fail", "--", "true")
    assert both.returncode == 2
    assert sorted(desk.ws.runs_dir.iterdir()) == before
