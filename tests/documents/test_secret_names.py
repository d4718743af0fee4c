"""Which names mean a secret, said a second time by patterns."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runforge.documents.environment import is_secret_variable
from runforge.documents.secrets import has_password, is_secret, is_secret_name

#: A busy machine is no fault.
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_NAME = re.compile(
    r"secret|passw|passphrase|credential|^token$"
    r"|(?:^|[_-])(?:api|access|private|secret|auth|account|encryption)[_-]?key$"
    r"|(?:^|[_-])(?:api|access|auth|bearer|refresh|session|hf|github|gitlab|wandb)[_-]?token$",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"(?:^AWS_|_KEY$|_TOKEN$|_PASS$|_PAT$)", re.IGNORECASE)
_PLACE = re.compile(
    r"_(?:FILE|PATH|DIR|BUNDLE|REGION|PROFILE|PAGER|OUTPUT|MODE|DISABLED)$|^GOOGLE_APPLICATION_CREDENTIALS$"
)
_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_WORDS = (
    *("api", "access", "private", "secret", "auth", "hf", "wandb", "GITHUB", "key", "KEY", "token", "Token"),
    *("_", "-", "", "x", "max", "pad", "ize", "passw", "pass", "PAT", "AWS_", "_FILE", "_PATH", "credential"),
    *("\u017fecret", "ap\u0131", "AP\u0130", "\u212aey", "GOOGLE_APPLICATION_CREDENTIALS"),
)
NAMES = st.lists(st.sampled_from(_WORDS), max_size=5).map("".join)
VALUES = st.sampled_from(["", "x", "https://u:p@h", "https://h/@", "a://:@", "://a:b@", "me@h", "://u:\n@"])


@SLOWLY
@given(NAMES, VALUES)
@example("x_\u212aey", "x")
def test_names_and_addresses_with_a_secret_are_known(name: str, value: str) -> None:
    assert is_secret_name(name) == bool(_NAME.search(name))
    assert is_secret(name, value) == bool((value and _NAME.search(name)) or _URL.search(value))
    seen = "" if _PLACE.search(name) else name
    assert is_secret_variable(name, value) == (
        is_secret(seen, value) or bool(value and _VARIABLE.search(seen))
    )


@SLOWLY
@given(st.text(alphabet=":/@ab \t\u2028\u00e9"))
@example("http://user:word@host")
@example("http://a b://u:p:q@")
@example("://:p@")
def test_a_password_is_found_as_this_pattern_finds_it(text: str) -> None:
    assert has_password(text) == (_URL.search(text) is not None)
