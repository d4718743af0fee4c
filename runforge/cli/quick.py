"""The quick way of the commands that are called all day: what is plain is read and printed without the rest of RunForge.

It prints what the full way prints, with the same functions, or it does nothing and leaves the call to the full way: an
option that it does not know, a journal that is not plain (`store.look`), anything that would have to be explained. So
what is right is decided in one place; tests/cli/test_quick.py compares the two.
"""

from __future__ import annotations

from runforge.system import os

#: The commands that are answered, and what they take here beside the workspace.
TAKES_UTC, TAKES_TARGETS = "--utc", "targets"
ANSWERED = {
    "queue-status": {TAKES_UTC},
    "jobs": {TAKES_UTC},
    "groups": set[str](),
    "show": {TAKES_UTC, TAKES_TARGETS},
    "why": {TAKES_UTC, TAKES_TARGETS},
    "logs": {TAKES_TARGETS},
}
WORKSPACE = ("--workspace", "-w")


def answer(words: list[str]) -> bool:
    """Print the answer and return True; False leaves the call to the full way, and nothing is printed."""
    command, targets, workspace, utc = words[0], list[str](), None, False
    takes = ANSWERED.get(command)
    if takes is None:
        return False
    rest = iter(words[1:])
    for word in rest:
        if word in WORKSPACE and workspace is None:
            workspace = next(rest, "")
            if not workspace or workspace.startswith("-"):
                return False
        elif word == TAKES_UTC and word in takes and not utc:
            utc = True
        elif TAKES_TARGETS in takes and word and not word.startswith("-"):
            targets.append(word)
        else:
            return False
    folder = root(workspace)
    return folder is not None and _answer(command, folder, targets, utc=utc)


def _answer(command: str, folder: str, targets: list[str], *, utc: bool) -> bool:
    from runforge.place import Place

    place = Place(folder)
    if command == "logs":
        from runforge.cli import quick_logs

        return quick_logs.answer(place, targets)
    if utc:
        from runforge import clock

        clock.use_utc()
    if command in {"show", "why"}:
        from runforge.cli import quick_runs

        return quick_runs.show(place, targets) if command == "show" else quick_runs.why(place, targets)
    if command == "queue-status":
        from runforge.cli import quick_status

        return quick_status.answer(place)
    from runforge.cli import quick_lists

    return quick_lists.groups(place) if command == "groups" else quick_lists.jobs(place)


def root(given: str | None) -> str | None:
    """Return the workspace's folder as `workspace.find` finds it; None if there may be something to explain."""
    given = given or os.environ.get("RUNFORGE_WORKSPACE")
    try:
        if given:
            return os.path.realpath(given)
        folder: str | None = os.getcwd()
    except (OSError, ValueError):
        return None
    while folder is not None and not os.path.isdir(f"{folder}/.runforge"):
        folder = os.path.dirname(folder) if folder != "/" else None
    return folder
