"""Finds what looks like a secret in a request or a plan, so that it does not get into the journal.

It looks at the names of fields and at passwords in URLs. It guesses: common names such as `max_tokens`,
`pad_token` or `tokenizer` are not secrets.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_NAME = re.compile(
    r"secret|passw|passphrase|credential|^token$"
    r"|(?:^|[_-])(?:api|access|private|secret|auth|account|encryption)[_-]?key$"
    r"|(?:^|[_-])(?:api|access|auth|bearer|refresh|session|hf|github|gitlab|wandb)[_-]?token$",
    re.IGNORECASE,
)
#: Begins with a literal, so that the time grows only with the length of the text.
_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_OPTION = re.compile(r"--?([A-Za-z][\w-]*)(=.+)?")


def is_secret(name: str, value: object) -> bool:
    """Return whether a field with this name and text looks like a secret."""
    return isinstance(value, str) and bool((value and _NAME.search(name)) or _URL.search(value))


def masked(text: str) -> str:
    """Return the text without the passwords in its URLs."""
    return _URL.sub("://***@", text)


def hidden(words: Sequence[str], values: dict[str, Any] | None = None) -> list[str]:
    """Return the words of a command for people: what looks like a secret, also a hyperparameter's, is left out."""
    secret = [str(value) for name, value in (values or {}).items() if is_secret(name, value)]
    shown = []
    for index, word in enumerate(words):
        is_own = _is_secret_argument(list(words), index)
        text = (
            f"{word.partition('=')[0]}=***"
            if is_own and _OPTION.fullmatch(word)
            else "***"
            if is_own
            else word
        )
        for part in secret:
            text = text.replace(part, "***")
        shown.append(text)
    return shown


def secrets_in(value: object, path: str = "") -> Iterator[str]:
    """Yield the paths of the fields, and of the arguments of commands, that look like secrets."""
    if isinstance(value, dict):
        for name, held in value.items():
            at = f"{path}.{name}" if path else str(name)
            if is_secret(str(name), held):
                yield at
            else:
                yield from secrets_in(held, at)
    elif isinstance(value, list):
        for index, held in enumerate(value):
            if _is_secret_argument(value, index):
                yield f"{path}[{index}]"
            else:
                yield from secrets_in(held, f"{path}[{index}]")


def _is_secret_argument(words: list[Any], index: int) -> bool:
    if is_secret("", words[index]):
        return True
    for place, is_own in ((index, True), (index - 1, False)):
        option = _OPTION.fullmatch(str(words[place])) if place >= 0 else None
        # `--password=x` contains it; after `--password` it is the next word.
        if option and bool(option[2]) is is_own and is_secret(option[1], words[index]):
            return True
    return False
