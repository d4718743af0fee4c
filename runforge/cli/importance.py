"""`results GROUP --importance`: how closely a sweep's metric follows each of its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runforge.cli import output, result_formats
from runforge.cli.listing import NEWEST
from runforge.cli.result_sheets import Sheet
from runforge.core.importance import Importance
from runforge.errors import InvalidRequest
from runforge.views import importance_words as words
from runforge.views import resolve, trials
from runforge.views.trials import Weighed
from runforge.workspace import Workspace

_HEADERS = ["parameter", "importance", "kind", "runs", "values", "may_be_chance", "why_none"]


def show(here: Workspace, targets: list[str], form: str, path: Path | None) -> int:
    """Print the parameters of one group, the strongest first."""
    if len(targets) > 1:
        raise InvalidRequest(f"--importance is about one group, not {len(targets)}", fix="Name one group")
    group_id = resolve.group_id(here, targets[0] if targets else NEWEST)
    found = trials.read(here, group_id).weighed()
    with result_formats.target(path) as stream:
        if form == "csv":
            result_formats.write_csv(stream, Sheet(_HEADERS, lambda: _rows(found)))
        elif form == "jsonl":
            result_formats.write_lines(stream, _entries(found))
        elif form == "json":
            head = {"group_id": group_id, "metric": found.metric or None, "runs": found.runs}
            result_formats.write_json(stream, "importance", head, "parameters", _entries(found))
        else:
            write = result_formats.write_markdown if form == "md" else result_formats.write_table
            write(stream, _for_people(found))
    if form in {"table", "md"}:
        left = found.left_out
        output.note(f"Importance is the {words.title(found)}{f' (without {left})' if left else ''}")
        output.note(words.WHAT)
    return 0


def _rows(found: Weighed) -> Iterator[list[Any]]:
    for each in found.parameters:
        yield list(_entry(found, each).values())


def _entries(found: Weighed) -> Iterator[dict[str, Any]]:
    for each in found.parameters:
        yield _entry(found, each)


def _entry(found: Weighed, each: Importance) -> dict[str, Any]:
    values = (each.value, each.kind, each.runs, each.values, each.may_be_chance, each.why_none or None)
    return dict(zip(_HEADERS, (words.names(found)[each.path], *values), strict=True))


def _for_people(found: Weighed) -> Sheet:
    names = words.names(found)

    def rows() -> Iterator[list[Any]]:
        for each in found.parameters:
            yield [
                output.safe(names[each.path]),
                words.number(each),
                each.runs,
                words.remark(each, found.runs),
            ]

    return Sheet(["PARAMETER", "IMPORTANCE", "RUNS", "REMARK"], rows, flexible=(0,))
