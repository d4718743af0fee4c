"""The name that a command gives its run, and the words of a command that most likely are a mistake."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.cli.submit_command import default_name, require_named
from runforge.errors import InvalidRequest
from runforge.ids import named_run_id


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "train.py", "--lr", "1"], "train"),
        (["uv", "run", "python", "src/fit.py"], "fit"),
        (["python", "-m", "pkg.train", "x"], "train"),
        (["torchrun", "--nproc", "2", "-m", "pkg.go"], "go"),
        (["./run.sh"], "run"),
        (["/usr/bin/make", "all"], "make"),
        (["python", "-c", "print(1)"], "python"),
        (["python", "{script}.py"], "python"),
        ("python train.py {lr} > out.txt", "train"),
        ("echo 'open", "echo"),
        ('[ "$A" = 2 ]', "run"),
        ("   ", "run"),
    ],
)
def test_a_run_is_called_after_its_script_its_module_or_its_program(command: Any, name: str) -> None:
    assert default_name(command) == name


@pytest.mark.parametrize(
    ("name", "part"),
    [("lm", "lm"), ("../../x", "x"), ("a b/c", "a-b-c"), ("日本", "run"), ("x" * 90, "x" * 40), ("-", "run")],
)
def test_a_name_becomes_a_harmless_part_of_the_id(name: str, part: str) -> None:
    assert named_run_id("2026-11-23T17:44:11.000Z", name, 7) == f"20261123-174411-{part}-0007"


def request(command: Any, **values: Any) -> dict[str, Any]:
    return {"model": {"command": command, "hyperparameters": values}}


@pytest.mark.parametrize(
    ("made", "swept"),
    [
        (request(["p", "{lr}"]), ["lr"]),
        (request(["p", "--lr={lr}", "{args}"]), ["lr", "seed"]),
        (request(["p", "{args:hydra}"]), ["o.lr"]),
        (request(["p", "{o}"]), ["o.lr"]),
        (request(["p", "{o.lr}"]), ["o"]),
        (request("p {lr} | awk '{print}'"), ["lr"]),
        (request(["p", "{seed}"], seed=1), []),
        (request(["p", "a{b}c", "${HOME}"]), []),
    ],
)
def test_what_is_named_is_accepted(made: dict[str, Any], swept: list[str]) -> None:
    require_named(made, swept, reads_file=False)


@pytest.mark.parametrize(
    ("made", "swept", "said"),
    [
        (request(["p", "{lr}"]), ["lr", "seed"], "-S seed: the command does not name {seed}"),
        (request(["p", "x"]), ["lr"], "--params file"),
        (request(["p", "{lr}", "{learning_rate}"]), ["lr"], "nothing fills {learning_rate}"),
        (request(["p", "--x={y}"]), [], "Add -S y=VALUES"),
        (request("p {rate} {rates}"), ["rate"], "Did you mean 'rate'?"),
    ],
)
def test_what_would_make_equal_runs_or_stays_open_is_refused(
    made: dict[str, Any], swept: list[str], said: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        require_named(made, swept, reads_file=False)
    assert said in str(refused.value)
    if "nothing fills" not in str(refused.value):
        require_named(made, swept, reads_file=True)
