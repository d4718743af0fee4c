"""The options of `submit` that config.toml gives where the command line says nothing."""

from __future__ import annotations

from runforge.errors import InvalidRequest
from runforge.queue.ordering import Usual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.cli.submit_given import Given
    from runforge.config import Config

#: Of these a request file speaks for itself.
_OF_A_RUN = ("gpus", "cpus", "mem", "time", "grace")


def with_defaults(given: Given, settings: Config) -> tuple[Given, Usual]:
    """Return the options with the defaults put in, and what a new group gets."""
    if given.snapshot and given.no_snapshot:
        raise InvalidRequest("--snapshot and --no-snapshot contradict each other", fix="Give one")
    found = {"notify": settings["submit.notify"]} if given.notify is None else {}
    if given.request is None:
        found |= _of_a_run(given, settings)
    breaker = settings["guard.breaker"] if settings.values["guard.breaker"].path else None
    return given._replace(**found), Usual(settings["submit.max_parallel"], breaker)


def _of_a_run(given: Given, settings: Config) -> dict[str, Any]:
    found = {name: settings[f"submit.{name}"] for name in _OF_A_RUN if getattr(given, name) is None}
    if not given.retry and settings["submit.retry"]:
        found["retry"] = settings["submit.retry"]
    if given.backoff is None and (given.retry or "retry" in found):
        found["backoff"] = settings["submit.backoff"]
    if given.stall is None and settings.values["guard.stall"].path:
        stall = settings["guard.stall"]
        found["stall"] = "off" if stall is None else f"{stall.seconds:f}s{':kill' if stall.kills else ''}"
    return found
