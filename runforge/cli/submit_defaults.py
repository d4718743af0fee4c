"""The options of `submit` that config.toml gives where the command line says nothing."""

from __future__ import annotations

from runforge.cli.submit_order import Given
from runforge.config import Config

#: Of these a request file speaks for itself.
_OF_A_RUN = ("gpus", "cpus", "mem", "time", "grace")


def with_defaults(given: Given, settings: Config) -> tuple[Given, int | None]:
    """Return the options with the defaults put in, and the limit of a new group."""
    found = {"notify": settings["submit.notify"]} if given.notify is None else {}
    if given.request is None:
        for name in _OF_A_RUN:
            if getattr(given, name) is None:
                found[name] = settings[f"submit.{name}"]
        if not given.retry and settings["submit.retry"]:
            found["retry"] = settings["submit.retry"]
        if given.backoff is None and (given.retry or "retry" in found):
            found["backoff"] = settings["submit.backoff"]
    return given._replace(**found), settings["submit.max_parallel"]
