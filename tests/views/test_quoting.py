"""Commands are shown as text that a shell reads back as the same arguments, and that a terminal does not obey."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from runforge.views.quoting import command_line, shell_lines

_ARGUMENTS = [
    *(
        "plain",
        "--lr=0.1",
        "",
        "two words",
        "it's",
        '"q"',
        "$HOME `id` $(id)",
        "a\nb",
        "tab\there",
        "back\\slash",
    ),
    *("\x1b]0;title\x07", "日本語", "\u202eabc", "\x85", "*?[a]", "~", "!!", "#no", "a\\nb\n'", "\U000e0041"),
]


def test_plain_arguments_are_quoted_as_shlex_does_it() -> None:
    for argument in (*_ARGUMENTS, *map(chr, range(32, 127))):
        if argument.isprintable():
            assert command_line([argument]) == shlex.quote(argument)


def test_a_shell_reads_the_same_arguments() -> None:
    line = command_line(_ARGUMENTS)
    assert line.isprintable()
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.decode().split("\0")[:-1] == _ARGUMENTS


def test_a_plain_command_looks_as_typed() -> None:
    assert command_line(["python", "train.py", "--lr=0.1"]) == "python train.py --lr=0.1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [("a | b > c", ["a | b > c"]), ("set -e\nrun\x1b[2J", ["set -e", "run\\x1b[2J"])],
)
def test_a_line_for_a_shell_stays_as_it_is(line: str, expected: list[str]) -> None:
    assert shell_lines(line) == expected
