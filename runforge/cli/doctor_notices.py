"""What `doctor` says of config.toml and of notices, as rows: name, status, text."""

from __future__ import annotations

from collections.abc import Iterator

from runforge import clock
from runforge.cli import config as commands
from runforge.errors import RunForgeError
from runforge.notices import send
from runforge.store import outbox
from runforge.store.opening import exists, open_snapshot
from runforge.workspace import Workspace

_NAME = "notices"


def look(here: Workspace) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with the files, and which notices reached nobody."""
    try:
        found = commands.load(here)
    except (RunForgeError, OSError) as error:
        yield "config", "problem", str(error)
        return
    yield from (("config", "warning", text) for text in found.warnings)
    try:
        yield from _late(here)
    except (RunForgeError, OSError):
        return  # reported as a problem of the journal


def _late(here: Workspace) -> Iterator[tuple[str, str, str]]:
    if not exists(here):
        return
    with open_snapshot(here) as journal, journal.read() as tx:
        lost, (late, why) = outbox.given_up(tx), outbox.late(tx)
    for each in lost:
        at = clock.local(each.at)
        yield (
            _NAME,
            "warning",
            f"given up: {each.event} of {at}: {each.error}; try `runforge doctor --notify`",
        )
    if late:
        yield _NAME, "warning", f"{late} {'is' if late == 1 else 'are'} tried again: {why}"


def test(here: Workspace) -> list[tuple[str, str, str]]:
    """Send a test to every target, and return what happened."""
    targets = send.try_all(here)
    if not targets:
        return [
            (_NAME, "warning", 'nobody is to be told: write `[notify]` and `to = ["..."]` in config.toml')
        ]
    return [
        (_NAME, "ok" if is_told else "problem", f"{target.label}: {answer}")
        for target, answer, is_told in targets
    ]
