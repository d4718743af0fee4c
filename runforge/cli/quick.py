"""The quick way of the commands that are called all day: what is plain is read and printed without the rest of RunForge.

It prints what the full way prints, with the same functions, or it does nothing and leaves the call to the full way: an
option that it does not know, a journal that is not plain (`store.look`), anything that would have to be explained. So
what is right is decided in one place; tests/cli/test_quick.py compares the two.
"""

from __future__ import annotations

import os

#: The commands that are answered, and the words that they may have here: the workspace, whose value follows, and --utc.
ANSWERED = {"queue-status": True, "jobs": True, "groups": False}
WORKSPACE, UTC = ("--workspace", "-w"), "--utc"


def answer(words: list[str]) -> bool:
    """Print the answer and return True; False leaves the call to the full way, and nothing is printed."""
    command, has_utc, workspace = words[0], False, None
    takes_utc = ANSWERED.get(command)
    if takes_utc is None:
        return False
    rest = iter(words[1:])
    for word in rest:
        if word in WORKSPACE and workspace is None:
            workspace = next(rest, "")
            if not workspace or workspace.startswith("-"):
                return False
        elif word == UTC and takes_utc:
            has_utc = True
        else:
            return False
    root = _root(workspace)
    if root is None:
        return False
    from runforge import clock
    from runforge.place import Place

    if has_utc:
        clock.use_utc()
    place = Place(root)
    if command == "queue-status":
        from runforge.cli import quick_status

        return quick_status.answer(place)
    from runforge.cli import quick_lists

    return quick_lists.groups(place) if command == "groups" else quick_lists.jobs(place)


def _root(given: str | None) -> str | None:
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
