"""The command of a `submit`: what is most likely a mistake in it, the name that it gives, and what it leaves open."""

from __future__ import annotations

from runforge.documents.placeholders import names_in, takes_all
from runforge.errors import InvalidRequest
from runforge.later import pattern, shlex
from runforge.system import os
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

#: How the names of scripts end.
_ENDINGS = frozenset(["py", "sh", "bash", "R", "r", "jl", "js", "ts", "pl", "rb", "lua", "m", "ipynb", "exe"])
_MODULE = pattern(r"[A-Za-z_][\w.]*")
_LONE = pattern(r"(?:-{0,2}[\w.+-]+=)?\{([A-Za-z_][\w.]*)\}")
_ASSIGNMENT = pattern(r"(?s)[A-Za-z_]\w*=.*")
_NAME_LIMIT = 40


def checked_command(words: Sequence[str] | None, *, is_shell: bool, folder: str) -> list[str] | str:
    """Return the command, or for --shell its one line; InvalidRequest for what cannot be meant."""
    if not words or not words[0].strip():
        fix = "Write it after `--`: runforge submit -- python train.py"
        raise InvalidRequest("no command is given" if not words else "the command is empty", fix=fix)
    for word in words:
        if not is_utf8(word):
            raise InvalidRequest(f"the argument {word[:60]!r} is not UTF-8", fix="Give it in a file")
    if is_shell:
        if len(words) > 1:
            fix = f"Quote it: --shell -- {shlex.quote(' '.join(words))[:200]}"
            raise InvalidRequest(f"--shell takes one line, and {len(words)} words are given", fix=fix)
        return words[0]
    program = words[0]
    if (
        len(words) == 1
        and any(map(str.isspace, program))
        and not os.path.exists(os.path.join(folder, program))
    ):
        raise InvalidRequest(
            f"no program is called {program[:60]!r}",
            fix="Did you mean --shell? Or give its words without the quotes",
        )
    if "=" in program and _ASSIGNMENT.fullmatch(program):
        fix = f"Did you mean -e {shlex.quote(program[:60])}? It stands before the `--`"
        raise InvalidRequest(f"no program is called {program[:60]!r}", fix=fix)
    return list(words)


def is_utf8(text: str) -> bool:
    """Return whether a word of the command line is text that a request can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def default_name(command: Sequence[str] | str) -> str:
    """Return what to call a run of this command: the script without its ending, the module, else the program."""
    words = _words(command) if isinstance(command, str) else [str(word) for word in command]
    for index, word in enumerate(words):
        script, dot, ending = os.path.basename(word).rpartition(".")
        if script and dot and ending in _ENDINGS and "{" not in word:
            return script[:_NAME_LIMIT]
        if word == "-m" and index and index + 1 < len(words) and _MODULE.fullmatch(words[index + 1]):
            return words[index + 1].rpartition(".")[2][:_NAME_LIMIT]
    program = os.path.basename(words[0]) if words else ""
    return program[:_NAME_LIMIT] if any(each.isalnum() or each == "_" for each in program) else "run"


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def require_named(request: dict[str, Any], swept: Collection[str], *, reads_file: bool) -> None:
    """Refuse a swept name that the command does not name, and a placeholder that nothing fills."""
    model = request["model"]
    command, given = model.get("command"), model.get("hyperparameters")
    line = command if isinstance(command, str) else None
    parts = [line] if line is not None else [part for part in command or () if isinstance(part, str)]
    named = names_in(parts)
    for key in swept:
        if not (reads_file or takes_all(parts) or _is_named(key, named)):
            raise InvalidRequest(
                f"the command does not name {{{key}}}, so all values of it would make equal runs",
                where=f"-S {key}",
                fix=did_you_mean(key, named)
                or f"Write {{{key}}} where its value belongs, or {{args}} for all; or add --params file if the "
                "program reads $RUNFORGE_PARAMS",
            )
    known = [*swept, *(given if isinstance(given, dict) else ())]
    for name in _lone(line.split() if line is not None else parts):
        if not any(name == key or name.startswith(f"{key}.") or key.startswith(f"{name}.") for key in known):
            _refuse_open(name, known, is_shell=line is not None)


def _is_named(key: str, named: Collection[str]) -> bool:
    """Return whether a value is filled in by its name, or as a part or the whole of an object."""
    return any(key == name or key.startswith(f"{name}.") or name.startswith(f"{key}.") for name in named)


def _lone(words: Sequence[str]) -> list[str]:
    """Return the names in words that are only a placeholder, perhaps after `--option=`."""
    found = (_LONE.fullmatch(word) for word in words if "{" in word)
    return [match[1] for match in found if match is not None and match[1] != "args"]


def _refuse_open(name: str, known: Collection[str], *, is_shell: bool) -> None:
    hint = did_you_mean(name, known)
    if is_shell and not hint:
        return  # braces have a meaning in bash; a warning tells of them
    raise InvalidRequest(
        f"nothing fills {{{name}}} in the command",
        fix=hint or f"Add -S {name}=VALUES; where the program needs the braces themselves, use --shell",
    )
