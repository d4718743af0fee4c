"""Commands as text that a person can copy into a shell."""

from __future__ import annotations

from runforge.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: What a shell takes as it is.
_PLAIN = frozenset("@%+=:,./-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\"}


def command_line(arguments: Sequence[str]) -> str:
    """Return arguments as one line for bash or zsh; control characters stand in it as codes."""
    return " ".join(map(quoted, arguments))


def quoted(argument: str) -> str:
    """Return one argument as a shell word of printable characters."""
    if argument.isprintable():
        return argument if argument and _PLAIN.issuperset(argument) else _in_quotes(argument)
    return f"$'{''.join(map(_escaped, argument))}'"


def _in_quotes(argument: str) -> str:
    """Return it as `shlex.quote` does, whose import takes longer than a short command."""
    return "'" + argument.replace("'", "'\"'\"'") + "'"


def _escaped(character: str) -> str:
    return _SHORT.get(character) or (character if character.isprintable() else _code(character))


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shell_lines(line: str) -> list[str]:
    """Return a line for a shell as it is, one text for each of its lines, harmless to a terminal."""
    return [safe(part, len(part)) for part in line.split("\n")]
