"""The filter that a person types for jobs: `state:failed group:lm lr>0.001 !tag:old`.

Every part must hold, `!` before a part means: must not hold. `state:`, `group:`, `name:`, `tag:`, `cause:` take several
values with commas between. `12` or `3-9,12` are the numbers of jobs. `lr=0.1` compares a parameter that a sweep
changed, or the primary metric. Every other word, or words in quotes, is searched in the run, its job, group, state,
parameters and error, without regard to case.
"""

from __future__ import annotations

import json
import re

from runforge.core import job_numbers
from runforge.core.states import Cause, State
from runforge.errors import InvalidRequest
from runforge.named import NamedTuple
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What can stand before a colon.
FIELDS = ("state", "group", "name", "tag", "cause", "number")
#: The same in a letter, for those who type it all day.
_SHORT = {"s": "state", "g": "group"}
_TOKEN = re.compile(r'(!?)((?:[^\s"]|"[^"]*"?)+)')
_COMPARED = re.compile(r"([A-Za-z_][\w./-]*)(!=|<=|>=|=|<|>)(.*)")
_FIELD = re.compile(r"([a-z]+):(.*)")


class JobFilter(NamedTuple):
    """A parsed filter. `problem` says which part of the text is wrong: then no job matches."""

    text: str = ""
    #: None is every state.
    states: tuple[str, ...] | None = None
    words: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    #: The other parts, for the query.
    terms: tuple[dict[str, Any], ...] = ()
    group_id: str | None = None
    problem: str | None = None
    #: A part that is not typed to its end, such as `state:`; it matches every job.
    incomplete: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every job matches."""
        parts = self.words or self.unwanted or self.terms or self.group_id or self.problem
        return not parts and self.states is None

    def values(self) -> dict[str, object]:
        """Return the values for the query `jobs.order_matching`."""
        states = () if self.problem else self.states
        return {
            "states": None if states is None else json.dumps(states),
            "terms": json.dumps(self.terms),
            "texts": json.dumps([_like(word) for word in self.words + self.unwanted]),
            "unwanted_from": len(self.words),
            "group_id": self.group_id,
        }


def required(text: str) -> JobFilter:
    """Return the filter of an option; InvalidRequest if a part of it means nothing, or if it selects nothing."""
    found = parse(text)
    problem = found.problem or (f"{found.incomplete!r} has no value" if found.incomplete else None)
    if problem is None and found.is_empty:
        problem = "the filter is empty"
    if problem is not None:
        raise InvalidRequest(
            f"--where {text[:80]!r}: {problem}", fix="For example 'state:failed lr=0.1 group:lm'"
        )
    return found


def parse(text: str, group_id: str | None = None) -> JobFilter:
    """Return the filter of a text; never fails, but says in `problem` what is unknown."""
    parts = _Parts()
    plain = text.encode("utf-8", "replace").decode().replace("\0", "")
    for negation, token in _TOKEN.findall(plain):
        parts.take(token, is_unwanted=bool(negation))
    return JobFilter(
        text,
        parts.states(),
        tuple(parts.words),
        tuple(parts.unwanted),
        tuple(parts.terms),
        group_id,
        parts.problem,
        parts.incomplete,
    )


class _Parts:
    """The parts of a filter, collected while it is read."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._excluded: set[str] = set()
        self.words: list[str] = []
        self.unwanted: list[str] = []
        self.terms: list[dict[str, Any]] = []
        self.problem: str | None = None
        self.incomplete: str | None = None

    def states(self) -> tuple[str, ...] | None:
        """Return the states that match, None if all do."""
        if not self._wanted and not self._excluded:
            return None
        wanted = self._wanted or {state.value for state in State}
        return tuple(sorted(wanted - self._excluded))

    def take(self, token: str, *, is_unwanted: bool) -> None:
        """Read one part."""
        plain = token.replace('"', "")
        compared, named = _COMPARED.fullmatch(token), _FIELD.fullmatch(token)
        if job_numbers.ranges(token) is not None:
            self._add_numbers(token, is_unwanted)
        elif named is not None and named[2] and not named[2].startswith("/"):
            self._take_field(named[1], named[2].replace('"', ""), is_unwanted)
        elif named is not None and (named[1] in FIELDS or named[1] in _SHORT):
            self.incomplete = token
        elif compared is not None and compared[3]:
            self._take_comparison(compared[1], compared[2], compared[3].replace('"', ""), is_unwanted)
        elif plain not in {"", "!"}:
            (self.unwanted if is_unwanted else self.words).append(plain)

    def _take_field(self, name: str, text: str, is_unwanted: bool) -> None:
        field = _SHORT.get(name, name)
        values = [value for value in text.split(",") if value]
        if field == "state":
            (self._excluded if is_unwanted else self._wanted).update(self._known(field, State, values))
        elif field == "cause":
            self._add(field, is_unwanted, values=self._known(field, Cause, values))
        elif field in {"group", "name"}:
            self._add(field, is_unwanted, values=[_like(value) for value in values])
        elif field == "tag":
            self._add(field, is_unwanted, values=values)
        elif field == "number":
            self._add_numbers(text, is_unwanted)
        else:
            known = ", ".join(f"{known}:" for known in FIELDS)
            nearest = did_you_mean(name, FIELDS) or f"Known are {known} and comparisons such as lr=0.1"
            self._wrong(f"no field is called {name[:40]!r}. {nearest}; quotes make it a word")

    def _known(self, field: str, kind: type[State | Cause], values: list[str]) -> list[str]:
        """Return the members that begin with one of the values; note a value that means none."""
        found: list[str] = []
        for value in values:
            meant = [str(member) for member in kind if member.value.startswith(value.lower())]
            if not meant:
                self._wrong(f"no {field} begins with {value[:40]!r}; known are {', '.join(map(str, kind))}")
            found += meant
        return found

    def _take_comparison(self, key: str, sign: str, text: str, is_unwanted: bool) -> None:
        number = _number(text)
        if sign not in {"=", "!="} and number is None:
            self._wrong(f"{key}{sign} needs a number, not {text[:40]!r}")
        self._add(
            "value",
            is_unwanted != (sign == "!="),
            key=key,
            like=_like(f".{key}")[:-1],
            sign="=" if sign == "!=" else sign,
            text=text.lower(),
            number=number,
        )

    def _add_numbers(self, text: str, is_unwanted: bool) -> None:
        ranges = job_numbers.ranges(text)
        if ranges is None or job_numbers.is_malformed(text):
            self._wrong(f"{text[:40]!r} is no list of numbers; write number:3-9,12")
        self._add("number", is_unwanted, values=ranges)

    def _add(self, field: str, is_unwanted: bool, **more: Any) -> None:
        self.terms.append({"field": field, "unwanted": int(is_unwanted), **more})

    def _wrong(self, problem: str) -> None:
        self.problem = self.problem or problem


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None  # no NaN, no infinity: JSON has none


def _like(word: str) -> str:
    for sign in ("\\", "%", "_"):
        word = word.replace(sign, "\\" + sign)
    return f"%{word}%"
