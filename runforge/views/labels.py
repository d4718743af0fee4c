"""What lists call runs, parameters and groups. Imports nothing: `jobs` is called all day."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from runforge.core.records import Group
    from runforge.views.group_rows import GroupRow
    from runforge.views.rows import JobRow
    from runforge.views.shown import GroupView, JobView

_HYPERPARAMETERS = "model.hyperparameters."
#: A run's id that RunForge made begins with the day and the second.
_STAMP = len("20260131-120000-")


def short_id(run_id: str) -> str:
    """Return a run's id without the day and the second that RunForge put before it."""
    day, _, rest = run_id.partition("-")
    is_stamped = len(day) == 8 and day.isdigit() and rest[:6].isdigit() and rest[6:7] == "-"
    return (run_id[_STAMP:] if is_stamped else "") or run_id


def label(job: JobView | JobRow) -> str:
    """Return what a list calls a run: its name, or the short form of its id; all of a sweep have one name."""
    short = short_id(job.run_id)
    return job.name if job.name and job.group_id is None else short


def parameter_names(overrides: Iterable[str]) -> dict[str, str]:
    """Return the short name of each path; the path itself where two would have the same."""
    paths = list(overrides)
    short = [path.removeprefix(_HYPERPARAMETERS).removeprefix("model.") for path in paths]
    return {path: path if short.count(name) > 1 else name for path, name in zip(paths, short, strict=True)}


def parameters_text(overrides: dict[str, Any]) -> str:
    """Return a run's parameters in one line: `lr=0.1, seed=3`."""
    paths = tuple(overrides)
    form = _forms.get(paths)
    if form is None:
        _forms.clear()  # of neighbours in a list they are the same
        names = [name.replace("{", "{{").replace("}", "}}") for name in parameter_names(paths).values()]
        form = _forms[paths] = ", ".join([f"{name}={{}}" for name in names]).format
    return form(*map(_value_text, overrides.values()))


#: Writes the last run's parameters with their short names.
_forms: dict[tuple[str, ...], Callable[..., str]] = {}


def _value_text(value: Any) -> str:
    """Return a value as JSON, but a text as it is."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int or (kind is float and -9e999 < value < 9e999):
        return repr(value)  # as JSON has it
    import json

    return value if isinstance(value, str) else json.dumps(value)


def ended_runs(group: GroupView | GroupRow) -> int:
    """Return how many runs of a group have ended."""
    return group.succeeded + group.failed + group.canceled


def group_state(group: GroupView | GroupRow) -> str:
    """Return a group's state for people: also paused, or queued while none of its runs has started."""
    if group.status != "running":
        return group.status
    if group.paused:
        return "paused"
    return "running" if group.running or ended_runs(group) else "queued"


def pause_words(group: GroupView | GroupRow) -> str:
    """Return who paused a group, and why."""
    who = "a person" if group.paused_by in {None, "person"} else f"its {group.paused_by}"
    return f"paused by {who}{f': {group.pause_reason}' if group.pause_reason else ''}"


def sweep_words(group: GroupView | Group | GroupRow, *, is_short: bool = False) -> str:
    """Return why a sweep makes no more trials before all are made; empty if it does, or if it is none."""
    made, wanted = group.sweep_made or 0, group.sweep_wanted or 0
    if group.sweep_ended is None or made >= wanted:
        return group.sweep_ended or ""
    if is_short:
        return f"{group.sweep_ended}: {made}/{wanted}"
    return f"{group.sweep_ended}, {made:,} of {wanted:,} trials are made"
