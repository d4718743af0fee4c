"""`compare`: what differs between runs, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runforge import cells
from runforge.cli import output, result_formats
from runforge.cli.options import find
from runforge.cli.result_sheets import Sheet, text_of
from runforge.errors import InvalidRequest
from runforge.text import did_you_mean
from runforge.views import compare as comparing
from runforge.views import lists

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.views.compare import Comparison, Difference

_FORMATS = ("table", "md", "json")


def compare(
    targets: list[str] | None,
    workspace: Path | None,
    format: str | None,  # noqa: A002
    as_json: bool,
    diff: bool,
) -> int:
    """Print what differs between runs, by default between the two newest."""
    chosen = format or ("json" if as_json else "table")
    if chosen not in _FORMATS:
        hint = did_you_mean(chosen, _FORMATS) or f"Use one of {', '.join(_FORMATS)}"
        raise InvalidRequest(f"--format {chosen[:40]!r} is unknown", fix=hint)
    here = find(workspace)
    newest = [str(job.number) for job in lists.newest_jobs(here, 2)[0]]
    if diff:
        from runforge.cli import show_code

        if len(targets or newest) != 2:
            raise InvalidRequest("--diff takes two runs", fix="For example: runforge compare 41 47 --diff")
        return show_code.diff_of(here, *(targets or newest))
    found = comparing.compare(here, targets or newest)
    if chosen == "json":
        output.print_json("compare", found.to_json())
        return 0
    with result_formats.target(None) as stream:
        write = result_formats.write_markdown if chosen == "md" else result_formats.write_table
        write(stream, _sheet(found))
    if not found.differences:
        output.note("They differ in nothing that is known")
    return 0


def _sheet(found: Comparison) -> Sheet:
    headers = ["", *(str(number) for number in found.numbers)]

    def rows() -> Any:
        return ([_name(each), *(_shown(each, value) for value in each.values)] for each in found.differences)

    return Sheet(headers, rows, flexible=tuple(range(1, len(headers))))


def _name(difference: Difference) -> str:
    return (
        difference.name
        if difference.section in {"run", "outcome"}
        else f"{difference.section} {difference.name}"
    )


def _shown(difference: Difference, value: Any) -> str:
    if difference.section == "metric" and isinstance(value, float):
        return cells.number(value)
    if difference.name == "state":
        return output.state_cell(value)
    if difference.name in {"seconds", "gpu_seconds"} and value is not None:
        return output.duration(value)
    return text_of(value)
