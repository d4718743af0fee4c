"""`results`: what many runs have measured, as one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runforge.cli import output, result_formats, result_sheets
from runforge.cli.options import find
from runforge.errors import InvalidRequest
from runforge.metrics.points import as_json
from runforge.text import did_you_mean
from runforge.views import result_order, spread
from runforge.views import results as reading
from runforge.views.results import FIELDS, Results
from runforge.views.spread import Setting

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.cli.result_sheets import Sheet
    from runforge.views.result_order import Order
    from runforge.workspace import Workspace


class Wish(NamedTuple):
    """What the options ask for."""

    sort: str | None
    top: int | None
    by: list[str]
    format: str
    curves: bool


def results(
    targets: list[str] | None,
    where: str | None,
    workspace: Path | None,
    sort: str | None,
    top: int | None,
    by: list[str] | None,
    format: str | None,  # noqa: A002 - the option's name
    output_file: Path | None,
    curves: bool,
    importance: bool,
) -> int:
    """Print one row for each run: how it ended, its parameters, its metrics."""
    if importance:
        return _importance(
            find(workspace), targets or [], _others(where, sort, top, by, curves), format, output_file
        )
    keys = [part for text in by or [] for part in text.split(",") if part]
    wish = Wish(sort, top, keys, _format(format, output_file, curves=curves), curves)
    if curves and by:
        raise InvalidRequest("--curves and --by exclude each other", fix="Leave one of them out")
    here = find(workspace)
    found = reading.read(here, targets or [], where)
    with found.records:
        if not len(found.records):
            output.note("There is no run yet")
        if keys:
            _write_settings(found, wish, output_file)
        else:
            _write_runs(here, found, wish, output_file)
    return 0


def _others(where: str | None, sort: str | None, top: int | None, by: list[str] | None, curves: bool) -> str:
    """Return the first option that is given and is about runs, not about a sweep; an empty text if none is."""
    given = {"--where": where, "--sort": sort, "--top": top, "--by": by, "--curves": curves or None}
    return next((option for option, value in given.items() if value), "")


def _importance(here: Workspace, targets: list[str], other: str, form: str | None, path: Path | None) -> int:
    from runforge.cli import importance  # few calls want it

    if other:
        raise InvalidRequest(f"--importance and {other} exclude each other", fix="Leave one of them out")
    return importance.show(here, targets, _format(form, path, curves=False), path)


def _format(given: str | None, path: Path | None, *, curves: bool) -> str:
    usual = "csv" if curves else "table"
    by_name = result_formats.BY_SUFFIX.get(path.suffix.lower(), usual) if path else usual
    chosen = by_name if given is None else given
    known = ("csv", "jsonl") if curves else result_formats.FORMATS
    if chosen not in known:
        hint = did_you_mean(chosen, known) or f"Use one of {', '.join(known)}"
        raise InvalidRequest(f"--format {chosen[:40]!r} is not possible here", fix=hint)
    return chosen


def _write_runs(here: Workspace, found: Results, wish: Wish, path: Path | None) -> None:
    order = _order(found, wish)
    indexes = result_order.indexes(found, order, wish.top)
    with result_formats.target(path) as stream:
        if wish.format == "csv":
            curves = result_sheets.of_curves(here, found, indexes) if wish.curves else None
            result_formats.write_csv(stream, curves or result_sheets.of_runs(found, indexes))
        elif wish.format == "jsonl":
            curve_rows = (
                _curve_entries(result_sheets.of_curves(here, found, indexes)) if wish.curves else None
            )
            result_formats.write_lines(stream, curve_rows or _run_entries(found, indexes))
        elif wish.format == "json":
            entries = _run_entries(found, indexes)
            result_formats.write_json(stream, "results", _head(found, order), "runs", entries)
        else:
            first = order.name if order is not None and order.is_metric else None
            sheet = result_sheets.of_runs_for_people(found, indexes, first)
            write = result_formats.write_markdown if wish.format == "md" else result_formats.write_table
            write(stream, sheet)


def _order(found: Results, wish: Wish) -> Order | None:
    if wish.sort is not None:
        return result_order.asked(found, wish.sort)
    return result_order.usual(found) if wish.top is not None else None


def _head(found: Results, order: Order | None) -> dict[str, Any]:
    return {
        "objectives": [{"metric": m, "direction": d} for m, d in found.objectives],
        "sorted_by": None if order is None else {"name": order.name, "direction": order.direction},
        "parameters": found.parameters,
        "metrics": found.metrics,
    }


def _run_entries(found: Results, indexes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield a run as JSON; NaN and infinity are texts, because JSON does not have them."""
    for record in found.records.in_order(indexes):
        metrics = {
            name: dict(zip(("last", "min", "max"), map(as_json, values), strict=True))
            for name, values in record["metrics"].items()
        }
        yield {
            **{name: record[name] for name in FIELDS},
            "parameters": record["parameters"],
            "metrics": metrics,
        }


def _curve_entries(sheet: Sheet) -> Iterator[dict[str, Any]]:
    for run, metric, step, value in sheet.rows():
        yield {"run": run, "metric": metric, "step": step, "value": as_json(value)}


def _write_settings(found: Results, wish: Wish, path: Path | None) -> None:
    settings = _sorted(found, spread.over(found, wish.by), _order(found, wish), wish.top)
    parameters = [name for name in found.parameters if name not in wish.by]
    with result_formats.target(path) as stream:
        if wish.format == "csv":
            result_formats.write_csv(stream, result_sheets.of_settings(settings, parameters, found.metrics))
        elif wish.format == "jsonl":
            result_formats.write_lines(stream, map(_setting_entry, settings))
        elif wish.format == "json":
            head = {"by": wish.by, **_head(found, None)}
            result_formats.write_json(stream, "results", head, "settings", map(_setting_entry, settings))
        else:
            shown = [name for name in parameters if name in found.varying] or parameters
            sheet = result_sheets.of_settings_for_people(settings, shown, found.metrics)
            write = result_formats.write_markdown if wish.format == "md" else result_formats.write_table
            write(stream, sheet)


def _sorted(found: Results, settings: list[Setting], order: Order | None, top: int | None) -> list[Setting]:
    """Return the settings in their order; the mean of a metric counts."""
    if order is None:
        return settings
    if not order.is_metric:
        if order.name not in found.parameters:
            raise InvalidRequest(
                f"--by has no column {order.name!r:.80}", where="--sort", fix="Name a metric"
            )
        keyed = [(result_order.rank(s.parameters.get(order.name), order), i) for i, s in enumerate(settings)]
    else:
        means = [s.metrics[order.name].mean if order.name in s.metrics else None for s in settings]
        keyed = [(result_order.rank(mean, order), i) for i, mean in enumerate(means)]
    return [settings[index] for _, index in sorted(keyed)][:top]


def _setting_entry(setting: Setting) -> dict[str, Any]:
    metrics = {
        name: {
            "mean": as_json(found.mean),
            "sd": None if found.deviation is None else as_json(found.deviation),
            "n": found.number,
        }
        for name, found in setting.metrics.items()
    }
    return {
        "n": len(setting.runs),
        "runs": setting.runs,
        "parameters": setting.parameters,
        "metrics": metrics,
    }
