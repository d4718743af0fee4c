"""The optional fields of a request: what a run needs, where and how long it runs, and how it is retried."""

from __future__ import annotations

from runforge.core import retrying, yielding
from runforge.core.resources import Resources
from runforge.core.retrying import Rule
from runforge.documents.problems import Fields
from runforge.errors import InvalidRequest
from runforge.later import pattern
from runforge.named import NamedTuple
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: What a retry rule may name, what a rule without causes means, and its first pause.
RETRY_CAUSES = retrying.CAUSES
USUAL_RETRY_CAUSES = retrying.USUAL_CAUSES
USUAL_BACKOFF_SECONDS = retrying.BACKOFF_SECONDS
_MOST_SECONDS = 10 * 366 * 24 * 3600
_MOST_BACKOFF_SECONDS = 24 * 3600
_MOST_RETRIES = 1000
_MOST_RULES = 20
_DIGEST_LENGTH, _DIGITS = 64, frozenset("0123456789abcdef")
_UUID = pattern(r"(?:GPU|MIG)-[\w.:/-]{1,100}")
#: In place of a number of MB: what runs of the same recipe have used.
LEARNED = "learned"
_NAME_LIMIT = 200
_PATH_LIMIT = 4096
_TAGS_LIMIT = 100


class Objective(NamedTuple):
    """The metric that decides which run is best."""

    metric: str
    direction: str


class EnvironmentRef(NamedTuple):
    """Which environment a run gets instead of the daemon's own."""

    #: The digest of a stored environment; None for the daemon's.
    id: str | None = None
    #: A file of `NAME=value` lines that is read at each launch.
    source: str | None = None
    #: Names that were not stored because they look like secrets.
    secrets: tuple[str, ...] = ()


class Resuming(NamedTuple):
    """Whether a run can go on from what it has saved, and what becomes of it if its end is unknown."""

    is_resumable: bool = False
    #: The signal that asks it to save and end.
    signal: str = yielding.USUAL_SIGNAL
    #: None is the daemon's policy.
    on_lost: str | None = None


class Options(NamedTuple):
    """The optional fields that are about the run, whatever it executes."""

    needs: Resources
    timeout_seconds: float | None
    environment: EnvironmentRef | None
    retry: tuple[Rule, ...]
    objective: Objective | None
    metrics: str | None
    name: str | None
    tags: tuple[str, ...]
    notes: str | None
    #: After so many seconds without a sign of life it is marked, or ended; None is as usual, 0 never.
    stall_seconds: float | None
    stall_kill: bool
    resuming: Resuming


def read_options(fields: Fields, device_type: str | None) -> Options:
    """Return the optional fields of a request. A wrong one becomes a problem."""
    return Options(
        _needs(fields, device_type),
        _timeout(fields),
        _environment(fields.mapping("environment")),
        _retry(fields),
        read_objective(fields.mapping("objective")),
        _metrics(fields),
        _label(fields, "name"),
        _tags(fields),
        fields.text("notes"),
        fields.number("stall_seconds", least=0, most=_MOST_SECONDS),
        fields.boolean("stall_kill", default=False),
        _resuming(fields),
    )


def _resuming(fields: Fields) -> Resuming:
    is_resumable = fields.boolean("resumable", default=False)
    signal = fields.one_of("yield_signal", yielding.SIGNALS, required=False)
    if signal is not None and not is_resumable:
        fields.problems.add(fields.path("yield_signal"), 'is about a run with "resumable": true')
    on_lost = fields.one_of("on_lost", yielding.ON_LOST, required=False)
    return Resuming(is_resumable, signal or yielding.USUAL_SIGNAL, on_lost)


def _needs(fields: Fields, device_type: str | None) -> Resources:
    implied = int(device_type == "gpu")
    asked = fields.mapping("resources")
    if asked is None:
        return Resources(gpus=implied)
    gpus = asked.integer("gpus", least=0)
    pins = _devices(asked)
    needs = Resources(
        cpus=asked.integer("cpus", least=1) or 1,
        gpus=implied if gpus is None else gpus,
        vram_mb=0 if is_learned(asked.raw) else asked.integer("vram_mb", least=0) or 0,
        mem_mb=asked.integer("mem_mb", least=0) or 0,
        pins=",".join(sorted(pins)),
    )
    if pins and not 0 < needs.gpus <= len(pins):
        words = (
            "are GPUs, and the run asks for none" if not needs.gpus else f"are too few for {needs.gpus} GPUs"
        )
        asked.problems.add(asked.path("devices"), words)
    if is_learned(asked.raw) and not needs.gpus:
        asked.problems.add(asked.path("vram_mb"), "is the memory of a GPU, and the run asks for none")
    if gpus is not None and device_type is not None and bool(gpus) is not bool(implied):
        wanted = "gpu" if gpus else "cpu"
        asked.problems.add(asked.path("gpus"), f"{gpus} needs device.type {wanted!r}, not {device_type!r}")
    elif needs.vram_mb and not needs.gpus:
        asked.problems.add(asked.path("vram_mb"), "is the memory of a GPU, and the run asks for none")
    return needs


def is_learned(asked: Any) -> bool:
    """Return whether the memory on a GPU is to follow from earlier runs of the same recipe."""
    return isinstance(asked, dict) and asked.get("vram_mb") == LEARNED


def says_none(request: Mapping[str, Any]) -> bool:
    """Return whether a request says itself that the run needs no GPU."""
    asked = request.get("resources")
    return isinstance(asked, dict) and asked.get("gpus") == 0


def _devices(asked: Fields) -> tuple[str, ...]:
    pins = _texts(asked, "devices")
    for pin in pins:
        if not _UUID.fullmatch(pin):
            asked.problems.add(asked.path("devices"), f"{pin!r:.60} is no UUID of a GPU: GPU-... or MIG-...")
    return pins


def _timeout(fields: Fields) -> float | None:
    seconds = fields.number("timeout_seconds", least=0, most=_MOST_SECONDS)
    if seconds == 0:
        fields.problems.add(fields.path("timeout_seconds"), "must be more than 0; leave it out for no limit")
    return None if seconds is None else float(seconds)


def read_objective(fields: Fields | None) -> Objective | None:
    """Return the objective of a request or of a plan."""
    if fields is None:
        return None
    metric = fields.text("metric", required=True)
    direction = fields.one_of("direction", ("maximize", "minimize"))
    return Objective(metric, direction) if metric and direction else None


def _metrics(fields: Fields) -> str | None:
    """Return where a command's metrics are: a path, `none`, or `re:` and a pattern for its log."""
    given = fields.text("metrics")
    if given is None:
        return None
    from runforge.metrics.patterns import PATTERN, compiled  # large patterns, which few requests need

    if given.startswith(PATTERN):
        try:
            compiled(given.removeprefix(PATTERN))
        except ValueError as error:
            fields.problems.add(fields.path("metrics"), f"is no pattern for a log: {error}")
    elif not given.strip() or "\0" in given or len(given) > _PATH_LIMIT:
        fields.problems.add(fields.path("metrics"), "must be a path, `none`, or `re:` and a pattern")
    return given


def _environment(fields: Fields | None) -> EnvironmentRef | None:
    if fields is None:
        return None
    digest, source = fields.text("id"), fields.text("from")
    if digest is not None and not (len(digest) == _DIGEST_LENGTH and set(digest) <= _DIGITS):
        fields.problems.add(fields.path("id"), "must be the digest of a stored environment (64 hex digits)")
    if source is not None and not source.startswith("/"):
        fields.problems.add(fields.path("from"), f"{source!r:.100} must be an absolute path")
    return EnvironmentRef(digest, source, _texts(fields, "secrets"))


def _retry(fields: Fields) -> tuple[Rule, ...]:
    rules = fields.list("retry") or []
    path = fields.path("retry")
    if len(rules) > _MOST_RULES:
        fields.problems.add(path, f"has more than {_MOST_RULES} rules")
    found = []
    for index, rule in enumerate(rules[:_MOST_RULES]):
        if isinstance(rule, dict):
            found.append(_rule(Fields(rule, f"{path}[{index}]", fields.problems)))
        else:
            fields.problems.add(f"{path}[{index}]", "must be an object with times and causes")
    return tuple(found)


def _rule(fields: Fields) -> Rule:
    times = fields.integer("times", least=1, required=True) or 1
    if times > _MOST_RETRIES:
        fields.problems.add(fields.path("times"), f"must be at most {_MOST_RETRIES}, not {times}")
    causes = _texts(fields, "causes") or USUAL_RETRY_CAUSES
    for cause in causes:
        if cause not in RETRY_CAUSES:
            hint = did_you_mean(cause, RETRY_CAUSES)
            words = f"{cause!r:.60} is unknown; known are {', '.join(RETRY_CAUSES)}"
            fields.problems.add(fields.path("causes"), f"{words}. {hint}" if hint else words)
    backoff = fields.number("backoff_seconds", least=0, most=_MOST_BACKOFF_SECONDS)
    change = fields.text("change")
    if change is not None and not (retrying.is_change(change) and causes == ("gpu_oom",)):
        fields.problems.add(fields.path("change"), "must be like batch=/2, and the only cause gpu_oom")
        change = None
    return Rule(times, causes, USUAL_BACKOFF_SECONDS if backoff is None else float(backoff), change)


def _label(fields: Fields, name: str) -> str | None:
    text = fields.text(name)
    if text is not None and len(text) > _NAME_LIMIT:
        fields.problems.add(fields.path(name), f"is longer than {_NAME_LIMIT} characters")
    return text


def _tags(fields: Fields) -> tuple[str, ...]:
    tags = _texts(fields, "tags")
    if len(tags) > _TAGS_LIMIT:
        fields.problems.add(fields.path("tags"), f"has more than {_TAGS_LIMIT} tags")
    return tags


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    """Return a list of texts, each once; an empty one if the field is missing."""
    parts = fields.list(name) or []
    if not all(isinstance(part, str) and part.strip() for part in parts):
        fields.problems.add(fields.path(name), "must be a list of texts")
        return ()
    return tuple(dict.fromkeys(parts))


def stop_of(text: str | None) -> str | None:
    """Return the rule that `--stop` means, as it is written; `off` for none, None if it was not said."""
    if text is None:
        return None
    from runforge.core.study import OFF

    if text == OFF:
        return text
    from runforge.core import stop_rules  # few sweeps have one

    try:
        return str(stop_rules.parse(text))
    except stop_rules.UnknownRule as error:
        raise InvalidRequest(str(error), where="--stop") from None
