"""Finds what looks like a secret in a request or a plan, so that it does not get into the journal.

It looks at the names of fields and at passwords in URLs. It guesses: common names such as `max_tokens`,
`pad_token` or `tokenizer` are not secrets.
"""

from __future__ import annotations

from runforge.later import pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

#: What a secret's name contains.
_PARTS = ("secret", "passw", "passphrase", "credential")
#: What stands before `key` and `token` at its end, as a word of its own.
_BEFORE = {
    "key": ("api", "access", "private", "secret", "auth", "account", "encryption"),
    "token": ("api", "access", "auth", "bearer", "refresh", "session", "hf", "github", "gitlab", "wandb"),
}
#: Other letters that are the same ones in another case.
_CASES = str.maketrans({"\u017f": "s", "\u0131": "i", "\u0130": "i"})
#: Begins with a literal, so that the time grows only with the length of the text.
_URL = pattern(r"://[^/\s:@]*:[^/\s@]+@")
_OPTION = pattern(r"--?([A-Za-z][\w-]*)(=.+)?")


def is_secret(name: str, value: object) -> bool:
    """Return whether a field with this name and text looks like a secret."""
    if not isinstance(value, str):
        return False
    return bool(value and is_secret_name(name)) or has_password(value)


def has_password(text: str) -> bool:
    """Return whether a text has a URL with a password. Without a pattern: `HTTP_PROXY` and the like are in many shells."""
    for rest in text.split("://")[1:]:
        user, _, more = rest.partition(":")
        if not any(each in "/@" or each.isspace() for each in user):
            end = next((place for place, each in enumerate(more) if each in "/@" or each.isspace()), 0)
            if end and more[end] == "@":
                return True
    return False


def lowered(name: str) -> str:
    """Return a name without capital letters, and without other letters that are the same ones in another case."""
    return name.lower() if name.isascii() else name.translate(_CASES).lower()


def is_secret_name(name: str) -> bool:
    """Return whether a name means a secret. Without a pattern: every variable of a shell is looked at."""
    low = lowered(name)
    if low == "token" or any(part in low for part in _PARTS):
        return True
    for end, words in _BEFORE.items():
        if low.endswith(end):
            before = low[: -len(end)]
            before = before[:-1] if before.endswith(("_", "-")) else before
            return any(
                before.endswith(word) and before[: -len(word)][-1:] in {"", "_", "-"} for word in words
            )
    return False


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
        word = str(words[place]) if place >= 0 else ""
        option = _OPTION.fullmatch(word) if word.startswith("-") else None
        # `--password=x` contains it; after `--password` it is the next word.
        if option and bool(option[2]) is is_own and is_secret(option[1], words[index]):
            return True
    return False
