"""The `{name}` in a command: filled with hyperparameters, and reported if there is no value for it."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
from typing import Any

from runforge.documents.known_fields import HYPERPARAMETERS
from runforge.documents.request import Request
from runforge.errors import InvalidRequest, RunForgeError
from runforge.text import did_you_mean

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
#: An argument that is only a placeholder, perhaps after `--option=`: programs do not use this for anything
#: else.
_ALONE = re.compile(r"(?:-{0,2}[\w.+-]+=)?\{([A-Za-z_][\w.]*)\}")
#: `${HOME}` is the shell's.
_IN_TEXT = re.compile(r"(?<!\$)" + _PLACEHOLDER.pattern)


def filled(request: Request) -> tuple[str, ...]:
    """Return the command with each `{name}` replaced by its hyperparameter. Other braces stay unchanged."""
    values = request.hyperparameters

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        return _as_text(values[name]) if name in values else match.group()

    return tuple(_PLACEHOLDER.sub(fill, part) for part in request.command)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def names_in(command: Sequence[str]) -> list[str]:
    """Return the names in braces, each once, in order."""
    return list(dict.fromkeys(name for part in command for name in _PLACEHOLDER.findall(part)))


def require_filled(
    request: Request,
    *,
    where: str,
    error: type[RunForgeError] = InvalidRequest,
    removed: Container[str] = (),
) -> None:
    """Raise `error` for a placeholder whose hyperparameter is null, and for an argument without a value.

    `removed` names the hyperparameters that a null of the sweep has removed.
    """
    values = request.hyperparameters
    for index, part in enumerate(request.command):
        at = f"model.command[{index}]"
        for name in _PLACEHOLDER.findall(part):
            if values[name] is None if name in values else name in removed:
                message = f"{at}: {{{name}}} has no value, because {HYPERPARAMETERS}.{name} is null"
                fix = "Give it a value, or give a command without it (a sweep can vary model.command too)"
                raise error(message, where=where, fix=fix)
        alone = _ALONE.fullmatch(part)
        if alone is not None and alone[1] not in values:
            raise error(f"{at}: {_no_such(alone[1], values)}", where=where, fix=_fix(alone[1], values))


def _no_such(name: str, values: dict[str, Any]) -> str:
    known = ", ".join(list(values)[:8]) or "none is given"
    return f"{{{name:.60}}} names no hyperparameter; known: {known}"


def _fix(name: str, values: dict[str, Any]) -> str:
    if "." in name:
        return "A placeholder is the name of one hyperparameter, without dots"
    hint = did_you_mean(name, values)
    if hint:
        return hint
    own = json.dumps({name: f"{{{name}}}"})
    return f"Add it to {HYPERPARAMETERS}; where the program needs the braces themselves, add {own}"


def left_in(request: Request) -> Iterator[str]:
    """Yield a sentence for each `{name}` inside an argument that has no value."""
    values = request.hyperparameters
    for index, part in enumerate(request.command):
        if "\n" in part or _ALONE.fullmatch(part):
            continue
        for name in dict.fromkeys(_IN_TEXT.findall(part)):
            if name not in values:
                hint = did_you_mean(name, values)
                text = f"model.command[{index}]: {{{name}}} stays as it is: there is no such hyperparameter"
                yield f"{text}. {hint}" if hint else text
