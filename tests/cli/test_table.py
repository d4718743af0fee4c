"""The table of commands: what is made from it agrees with it, and the table agrees with the code and the contract."""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import fast_path, manual, reference, words
from runforge.cli.commands import COMMANDS
from runforge.cli.parameters import Command
from runforge.cli.program import program
from runforge.core.submission import MAX_RUNS
from runforge.daemon.settings import Settings
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = [line for command in COMMANDS.values() for line in command.examples]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_a_command_has_a_function_that_takes_what_the_table_gives(command: Command) -> None:
    function = fast_path.function(command)
    taken = inspect.signature(function).parameters
    assert sorted(taken) == sorted(parameter.name for parameter in command.parameters)
    assert all(p.default is inspect.Parameter.empty for p in taken.values()), (
        "a default stands in the table alone"
    )
    assert all(text.endswith(".") for text in (command.help, *(p.help for p in command.parameters)))
    given = [word for parameter in command.options for word in parameter.words]
    assert len(given) == len(set(given))


def _parsed(line: list[str]) -> dict[str, Any]:
    """Return what the parser makes of a call."""
    root = program()
    context = root.make_context("runforge", [*line])
    _, command, rest = root.resolve_command(context, [*line])
    with context, command.make_context(line[0], rest, parent=context) as made:
        return {name: [*value] if isinstance(value, tuple) else value for name, value in made.params.items()}


@pytest.mark.parametrize(
    "line",
    [
        *EXAMPLES,
        "runforge jobs -w a --workspace b --limit 1000000",
        "runforge stop-daemon 1.5 --drain --cancel-running",
        "runforge drill --only a --only b --seed 0 --list",
        "runforge logs x -f --attempt 2",
        "runforge tui --refresh 0.5 --ascii --no-mouse",
        "runforge submit -n x --tag a --tag b python t.py -n 3 -- --wait",
        "runforge submit -S a=1 -S b=-1 --request -",
        "runforge submit --wait",
        "runforge wait",
        "runforge wait a b --all",
        "runforge set-priority a b 5",
        "runforge set-priority 5",
        "runforge show a b --where x",
        "runforge cancel",
        "runforge init",
        "runforge demo",
    ],
)
def test_a_plain_call_is_read_as_the_parser_reads_it(line: str) -> None:
    name, *rest = shlex.split(line)[1:]
    read = words.read(COMMANDS[name], rest)
    assert read is not None
    values = read.whole()
    assert values is not None
    paths = {p.name for p in COMMANDS[name].parameters if p.kind in {"file", "folder"}}
    parsed = {k: str(v) if k in paths and v is not None else v for k, v in _parsed([name, *rest]).items()}
    assert values == parsed


@pytest.mark.parametrize(
    "line",
    [
        *(
            "jobs -wX",
            "jobs --limit=3",
            "jobs --limit -3",
            "jobs --limit 0",
            "jobs --limit +3",
            "jobs --limit 1_0",
        ),
        *(
            "jobs --limit ³",
            "jobs --limit 9999999",
            "jobs --help",
            "jobs -h",
            "groups x",
            "jobs --state",
            "jobs --",
        ),
        *(
            "jobs --nope",
            "cancel-run",
            "cancel-run a b",
            "show -- a",
            "enqueue-sweep",
            "enqueue-run --priority 1",
        ),
        *(
            "wait --timeout nan",
            "wait --timeout 1e3",
            "tui --refresh 0",
            "set-priority a -5",
            "set-priority",
            "set-priority a b",
            "logs -f2",
        ),
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(line: str) -> None:
    name, *rest = line.split()
    read = words.read(COMMANDS[name], rest)
    assert read is None or read.whole() is None


def _bash_completes(line: str, place: Path) -> tuple[list[str], bool]:
    """Return what bash is offered for a line, and whether Typer was imported for it."""
    number = str(len(line.split(" ")) - 1)
    asked = {"_RUNFORGE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": number}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "runforge"],
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
        env={**os.environ, **asked},
    )
    return sorted(filter(None, done.stdout.splitlines())), " typer\n" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "runforge q",
        "runforge jobs --json --",
        "runforge jobs --group ",
        "runforge logs -f 2",
        "runforge set-priority @last ",
        "runforge drill --only x --",
        "runforge submit -- python -",
        "runforge submit python t.py ",
        "runforge submit --after @",
    ],
)
def test_bash_completes_from_the_table_what_the_parser_would(line: str, ws: Workspace, cli: Cli) -> None:
    assert cli("enqueue-sweep", "--plan", ws.root / "plan.json").returncode == 0
    offered, is_parsed = _bash_completes(line, ws.root)
    assert not is_parsed
    quoted = line.replace("runforge", "'runforge'")  # a line with quotes is for the parser
    assert (offered, True) == _bash_completes(quoted, ws.root)


def test_the_reference_in_the_docs_is_that_of_the_table() -> None:
    page = (DOCS / "usage.md").read_text("utf-8")
    assert reference.inserted(page) == page, "`make reference` writes it anew"
    assert manual.manual() == (DOCS / "man" / "runforge.1").read_text("utf-8"), (
        "`make reference` writes it anew"
    )


@pytest.mark.skipif(shutil.which("groff") is None, reason="this machine has no groff to read the man page")
def test_the_man_page_is_read_without_a_warning_and_has_every_command() -> None:
    page = DOCS / "man" / "runforge.1"
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-cbou", page], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert all(re.search(rf"^ +{name}", done.stdout, re.MULTILINE) for name in COMMANDS)
    for command in COMMANDS.values():
        assert all(line.split()[-1] in done.stdout for line in command.examples), command.name


def test_the_table_has_the_commands_and_options_of_the_contract() -> None:
    section = (
        (DOCS / "contract.md").read_text("utf-8").partition("## 9. Commands")[2].partition("### Exit")[0]
    )
    rows = re.findall(
        r"^\| (`[a-z].*) \| (`--workspace|`--run|`--plan|`--req|`--group)(.*) \|$", section, re.MULTILINE
    )
    assert len(rows) == 7
    for names, first, rest in rows:
        for name in re.findall(r"`([a-z-]+)`", names):
            options = {word: option for option in COMMANDS[name].options for word in option.words}
            assert set(re.findall(r"--[a-z-]+", first + rest)) <= set(options), name
            for word, default in re.findall(r"`(--[a-z-]+)` \((\d+)\)", first + rest):
                assert options[word].default == int(default), (name, word)


def test_the_queue_and_the_daemon_have_the_defaults_of_the_table() -> None:
    defaults = {p.name: p.default for name in ("daemon", "enqueue-sweep") for p in COMMANDS[name].parameters}
    settings = Settings()
    assert (settings.max_parallel, settings.orphans) == (defaults["max_parallel"], defaults["orphans"])
    assert (settings.gpu_slots, defaults["gpu_slots"]) == (None, "auto")
    assert defaults["max_runs"] == MAX_RUNS


def _contents(folder: Path) -> dict[str, str]:
    """Return the contents of the files in a folder, without SQLite's -shm, which readers may change."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_commands_that_only_read_change_nothing(lived_in: Workspace, cli: Cli) -> None:
    before = _contents(lived_in.root)
    for command in COMMANDS.values():
        if command.reads_only:
            arguments = ["@last" for argument in command.arguments if argument.is_required]
            done = cli(command.name, *arguments, "--workspace", lived_in.root)
            assert done.returncode == (1 if command.name == "wait" else 0), done.stderr
    assert _contents(lived_in.root) == before


@pytest.mark.parametrize(
    ("line", "value", "command"),
    [
        ("--resumable -- train --resumable", "TERM", ["train", "--resumable"]),
        ("--resumable=USR1 train", "USR1", ["train"]),
        ("-n --resumable train --resumable", None, ["train", "--resumable"]),
        ("-wX --resumable train", "TERM", ["train"]),
        ("--name=x --resumable --grace 2m train --grace 3m", "TERM", ["train", "--grace", "3m"]),
        ("train --resumable", None, ["train", "--resumable"]),
    ],
)
def test_an_option_may_be_given_without_its_value_and_never_takes_the_next_word(
    line: str, value: str | None, command: list[str]
) -> None:
    values = _parsed(["submit", *line.split()])
    assert (values["resumable"], values["command"]) == (value, command)
