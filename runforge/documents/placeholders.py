"""The `{name}` in a command: filled with hyperparameters, and reported if there is no value for it.

`{optimizer.lr}` names a value inside of an object. `{args}` stands for all values as `--name=value`, and
`{args:hydra}` as `name=value`; both are arguments of their own. In a line for bash, values are quoted.
"""

from __future__ import annotations

from runforge import light_json
from runforge.errors import InvalidRequest, RunForgeError
from runforge.later import pattern, re
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from typing import Any

    from runforge.documents.request import Request

# Patterns that few requests need are texts: to compile them takes longer than to import this.
#: What has none is no placeholder, and no pattern has to be compiled for it.
_BRACE = "{"
_NAME_IN_BRACES = r"\{([A-Za-z_]\w*(?:\.\w+)*)\}"
_PLACEHOLDER = pattern(_NAME_IN_BRACES)
#: An argument that is only a placeholder, perhaps after `--option=`: programs do not use this for anything
#: else.
_ALONE = r"(?:-{0,2}[\w.+-]+=)?\{([A-Za-z_][\w.]*)\}"
#: `${HOME}` is the shell's.
_IN_TEXT = r"(?<!\$)" + _NAME_IN_BRACES
#: All hyperparameters at once, as an argument or as a word of a line for bash.
_ALL = pattern(r"(?<!\S)\{args(:hydra)?\}(?!\S)")
_ARGS = "args"
_BEGINS_ALL, _ALL_AS_OPTIONS, _ALL_FOR_HYDRA = "{args", "{args}", "{args:hydra}"
#: Hydra reads a text of other characters, or one that means something else, only in quotes.
_PLAIN_IN_HYDRA = r"[\w./+@%-]+"
_MEANS_ELSE_IN_HYDRA = r"(?i)true|false|null|[+-]?(?:nan|inf|infinity)|[+-]?[\d._]+(?:e[+-]?\d+)?"


def filled(request: Request) -> tuple[str, ...]:
    """Return the command that runs, with each `{name}` replaced. Other braces stay unchanged."""
    return filled_with(request.command, request.hyperparameters, is_shell=request.is_shell)


def filled_with(command: Sequence[str], values: dict[str, Any], *, is_shell: bool) -> tuple[str, ...]:
    """Return the same of a request's parts."""
    if is_shell:
        return ("bash", "-c", _filled_line(command[0], values))
    arguments: list[str] = []
    for part in command:
        taken = _all(part, values)
        arguments += [_filled(part, values)] if taken is None else taken
    return tuple(arguments)


def _filled(text: str, values: dict[str, Any], *, is_quoted: bool = False) -> str:
    """Return the text with its placeholders replaced: what `_PLACEHOLDER.sub` does, but `show` needs no pattern."""
    before, *pieces = text.split(_BRACE)
    made = [before]
    for piece in pieces:
        name, brace, after = piece.partition("}")
        found = value_of(values, name) if brace and _is_name(name) else None
        if found is None:
            made.append(_BRACE + piece)
        else:
            value = _as_text(found[0])
            made.append((_quoted(value) if is_quoted else value) + after)
    return "".join(made)


def _is_name(text: str) -> bool:
    """Return whether the text stands in braces as a name, perhaps with dots."""
    first = text[:1]
    words = text.split(".")
    return (first == "_" or (first.isascii() and first.isalpha())) and all(
        word and word.replace("_", "a").isalnum() for word in words
    )


def _quoted(text: str) -> str:
    import shlex  # only a line for bash needs it

    return shlex.quote(text)


def _filled_line(line: str, values: dict[str, Any]) -> str:
    """Return a line for bash; no value is filled into another one."""
    if _BEGINS_ALL not in line:
        return _filled(line, values, is_quoted=True)
    pieces, start = [], 0
    for match in _ALL.finditer(line):
        arguments = _all(match.group(), values)
        if arguments is not None:
            pieces += [
                _filled(line[start : match.start()], values, is_quoted=True),
                " ".join(map(_quoted, arguments)),
            ]
            start = match.end()
    return "".join([*pieces, _filled(line[start:], values, is_quoted=True)])


def _all(part: str, values: dict[str, Any]) -> list[str] | None:
    """Return the arguments for `{args}` or `{args:hydra}`; None for another text.

    A hyperparameter that is called `args` comes first.
    """
    if part not in {_ALL_AS_OPTIONS, _ALL_FOR_HYDRA} or (_ARGS in values and part == _ALL_AS_OPTIONS):
        return None
    if part == _ALL_FOR_HYDRA:
        return [f"{name}={_for_hydra(value)}" for name, value in flat(values)]
    return [f"--{name}={_as_text(value)}" for name, value in flat(values) if value is not None]


def takes_all(command: Sequence[str]) -> bool:
    """Return whether the command takes all hyperparameters by `{args}` or `{args:hydra}`."""
    return any(_BRACE in part and _ALL.search(part) for part in command)


def flat(values: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values with their dotted names."""
    for name, value in values.items():
        path = f"{at}.{name}" if at else name
        if isinstance(value, dict) and value:
            yield from flat(value, path)
        else:
            yield path, value


def value_of(values: dict[str, Any], name: str) -> tuple[Any] | None:
    """Return the value of a dotted name, in a tuple because it may be null; None if there is none."""
    place: Any = values
    for part in name.split("."):
        if not isinstance(place, dict) or part not in place:
            return None
        place = place[part]
    return (place,)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else light_json.dumps(value)


def _for_hydra(value: Any) -> str:
    """Return a value as Hydra's grammar writes it."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{_for_hydra(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_for_hydra(held) for held in value) + "]"
    if not isinstance(value, str):
        return light_json.dumps(value)
    if re.fullmatch(_PLAIN_IN_HYDRA, value) and not re.fullmatch(_MEANS_ELSE_IN_HYDRA, value):
        return value
    return "'" + value.replace("\\'", "\\\\'").replace("'", "\\'") + "'"


def names_in(command: Sequence[str]) -> list[str]:
    """Return the names in braces, each once, in order; without those that stand for all values."""
    parts = [_ALL.sub("", part) for part in command if _BRACE in part]
    return list(dict.fromkeys(name for part in parts for name in _PLACEHOLDER.findall(part)))


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
        at = _at(request, index)
        if _BRACE not in part or _all(part, values) is not None:
            continue
        for name in _PLACEHOLDER.findall(part):
            found = value_of(values, name)
            if (name in removed) if found is None else found[0] is None:
                from runforge.documents.known_fields import HYPERPARAMETERS  # only what is refused needs it

                message = f"{at}: {{{name}}} has no value, because {HYPERPARAMETERS}.{name} is null"
                fix = "Give it a value, or give a command without it (a sweep can vary model.command too)"
                raise error(message, where=where, fix=fix)
        alone = re.fullmatch(_ALONE, part)
        if alone is not None and value_of(values, alone[1]) is None:
            raise error(f"{at}: {_no_such(alone[1], values)}", where=where, fix=_fix(alone[1], values))


def _at(request: Request, index: int) -> str:
    return "model.command" if request.is_shell else f"model.command[{index}]"


def _names(values: dict[str, Any]) -> list[str]:
    return [name for name, _ in flat(values)]


def _no_such(name: str, values: dict[str, Any]) -> str:
    known = ", ".join(_names(values)[:8]) or "none is given"
    return f"{{{name:.60}}} names no hyperparameter; known: {known}"


def _fix(name: str, values: dict[str, Any]) -> str:
    from runforge.documents.known_fields import HYPERPARAMETERS

    if name == _ARGS:
        return "`{args}` must be an argument of its own"
    hint = did_you_mean(name, _names(values))
    if hint:
        return hint
    if "." in name:
        return f"Add it to {HYPERPARAMETERS}; a dot leads into an object"
    own = light_json.dumps({name: f"{{{name}}}"})
    return f"Add it to {HYPERPARAMETERS}; where the program needs the braces themselves, add {own}"


def left_in(request: Request) -> Iterator[str]:
    """Yield a sentence for each `{name}` inside an argument that has no value."""
    values = request.hyperparameters
    for index, part in enumerate(request.command):
        if _BRACE not in part or "\n" in part or re.fullmatch(_ALONE, part):
            continue
        for name in dict.fromkeys(re.findall(_IN_TEXT, _ALL.sub("", part) if request.is_shell else part)):
            if value_of(values, name) is not None:
                continue
            text = f"{_at(request, index)}: {{{name}}} stays as it is: there is no such hyperparameter"
            hint = _fix(name, values) if name == _ARGS else did_you_mean(name, _names(values))
            yield f"{text}. {hint}" if hint else text
