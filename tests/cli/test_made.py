"""What is made from the tables of commands: it is what they say, and what the parser prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge.cli import known, made_help, main, making
from runforge.cli.commands import COMMANDS, VERSION, find
from runforge.cli.parameter import Command, Parameter
from tests.cli.terminal import Terminal


def _told(command: Command) -> list[object]:
    return [command.name, command.runs, command.reads_only, command.ends_at_once]


def _of_parameter(told: Parameter) -> list[object]:
    names = set(Parameter.__slots__) - {"help", "metavar"}
    return [(name, getattr(told, name)) for name in sorted(names)]


def test_what_is_made_is_up_to_date() -> None:
    assert making.TABLE.read_text("utf-8") == making.table(), "run `make reference`"
    assert {path.stem for path in Path(made_help.FOLDER).iterdir()} == {made_help.PROGRAM, *COMMANDS}


@pytest.mark.parametrize("name", [made_help.PROGRAM, *COMMANDS])
def test_help_is_what_the_parser_prints(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    words = ["--help"] if name == made_help.PROGRAM else [name, "-h"]
    assert made_help.text(words) == making.help_text(name)


def test_a_command_that_is_found_without_the_tables_is_the_one_in_them() -> None:
    assert known.names() == list(COMMANDS)
    words = [*COMMANDS, *(alias for command in COMMANDS.values() for alias in command.aliases)]
    for word in words:
        found, command = known.find(word), find(word)
        assert found is not None
        assert command is not None
        assert _told(found) == _told(command)
        assert list(map(_of_parameter, found.parameters)) == list(map(_of_parameter, command.parameters))
    assert known.find("shows") is None
    assert tuple(main._VERSION) == VERSION.words


@pytest.mark.parametrize("words", [["jobs", "x", "--help"], ["../jobs", "--help"], ["shows", "--help"]])
def test_the_parser_explains_the_rest(words: list[str]) -> None:
    assert made_help.text(words) is None


def test_a_narrow_terminal_gets_narrow_help() -> None:
    for columns in (60, 100):
        terminal = Terminal("jobs", "--help", columns=columns)
        assert terminal.end() == 0
        widest = max(map(len, terminal.text.splitlines()))
        assert (widest <= 60) == (columns == 60)
