"""A stored environment: the file `.runforge/envs/<digest>.json`, and the lines of a file that is read at launch.

The file's name is the digest of its content, so it never changes and many runs share it.
"""

from __future__ import annotations

from runforge import light_json
from runforge.digest import sha256_of
from runforge.documents.secrets import is_secret, lowered
from runforge.errors import InvalidRequest
from runforge.later import pattern, re, shlex

#: The largest file that is written or read.
LIMIT = 4 * 1024 * 1024
_VARIABLES = "variables"
_NAME = pattern(r"[^=\s\0]+")
_LINE = pattern(r"(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)")
#: How names begin and end that mean a secret in an environment, besides those that mean one in a request.
_SECRET_BEGIN, _SECRET_ENDS = "aws_", ("_key", "_token", "_pass", "_pat")
#: How names end that say where something is, or how it is used, and one of them as a whole. Their texts are no secrets,
#: but for passwords in URLs.
_PLACE_ENDS = tuple(
    f"_{word}"
    for word in (
        *("FILE", "PATH", "DIR", "BUNDLE", "REGION", "PROFILE", "PAGER", "OUTPUT", "MODE", "DISABLED"),
    )
)
_PLACE = "GOOGLE_APPLICATION_CREDENTIALS"


def encode(variables: dict[str, str]) -> bytes:
    """Return the content of the file; equal variables give equal bytes."""
    return light_json.dumps({_VARIABLES: variables}, sort_keys=True, indent=1).encode("ascii") + b"\n"


def digest(data: bytes) -> str:
    """Return the name of an environment with this content."""
    return sha256_of(data)


def parse(data: bytes) -> dict[str, str] | None:
    """Return the variables in a file; None if it is not a stored environment."""
    try:
        variables = light_json.loads(data)[_VARIABLES]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        return None
    return variables


def is_name(name: str) -> bool:
    """Return whether a variable can have this name."""
    return bool(_NAME.fullmatch(name))


def is_secret_variable(name: str, value: str) -> bool:
    """Return whether a variable looks like a secret, by its name or by a password in its text."""
    if name == _PLACE or name.endswith(_PLACE_ENDS):
        name = ""
    low = lowered(name)
    is_named = low.startswith(_SECRET_BEGIN) or low.endswith(_SECRET_ENDS)
    return is_secret(name, value) or bool(value and is_named)


def lines(data: bytes, where: str) -> dict[str, str]:
    """Return the variables in the lines `NAME=value` of a file; quotes and `export` as a shell reads them.

    Raises InvalidRequest that names a wrong line, without its text: it may be a secret.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        value = _value(match[2].strip()) if match else None
        if match is None or value is None:
            raise InvalidRequest(f"line {number} is not NAME=value", where=where, fix="Comments begin with #")
        found[match[1]] = value
    return found


def _value(text: str) -> str | None:
    """Return a value without its quotes and the comment behind it; None if a quote is not closed."""
    if not text.startswith(("'", '"')):
        return re.split(r"\s#", text, maxsplit=1)[0].rstrip()
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return None
    return words[0] if len(words) == 1 else None
