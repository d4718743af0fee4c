"""The columns of the table of jobs: their texts, and which of them fit, each as wide as its contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runforge import cells
from runforge.tui import differences
from runforge.tui.columns import NARROW, Layout, Rule, sized
from runforge.tui.row_list import Cell
from runforge.tui.sparkline import sparkline
from runforge.views.labels import label
from runforge.views.shown import JobView, seconds_so_far
from runforge.views.words import WAITING_BRIEF

if TYPE_CHECKING:
    from runforge.tui.live import Live

_SPARK = 10
_PARAMETERS = 24

RULES: Mapping[str, Rule] = {
    "number": Rule("#", 9, 9, 0, is_right=True),
    "run": Rule("RUN", 12, 28, 1, keeps_end=True, grows=True),
    "group": Rule("GROUP", 8, 24, 4, grows=True),
    "state": Rule("STATE", 11, 11, 2),
    "progress": Rule("PROGRESS", 18, 20, 6),
    "left": Rule("LEFT", 8, 8, 7, is_right=True, steady=7),
    "metric": Rule("METRIC", 7, 24, 5, is_right=True, keeps_end=True, steady=7, grows=True),
    "spark": Rule("TREND", _SPARK, _SPARK, 9, steady=_SPARK),
    "rate": Rule("RATE", 9, 9, 11, is_right=True, steady=8),
    "time": Rule("TIME", 7, 7, 8, is_right=True, steady=6),
    "priority": Rule("PRIO", 6, 6, 10, is_right=True),
    "try": Rule("TRY", 4, 4, 12, is_right=True),
    "detail": Rule("DETAIL", 15, 200, 3, grows=True),
}
#: Shown even if no row has anything in it.
ALWAYS = frozenset({"number", "run", "state", "detail"})


def fitted(contents: Mapping[str, int], width: int, sorted_by: str = "") -> Layout:
    """Return the columns that fit. The sorted one is always shown, with room for its arrow."""
    rules = dict(RULES)
    if width >= NARROW:  # parameters come before pace and trend
        rules["detail"] = rules["detail"]._replace(least=_PARAMETERS)
    if (rule := rules.get(sorted_by)) is not None:
        room = len(rule.title) + 1
        rules[sorted_by] = rule._replace(
            least=max(rule.least, room), most=max(rule.most, room), steady=max(rule.steady, room)
        )
    return sized(rules, contents, width, ALWAYS | ({sorted_by} & rules.keys()))


def texts(
    job: JobView,
    live: Live | None,
    paths: Sequence[str] | None,
    layout_width: int,
    shown: frozenset[str] = frozenset(),
    ahead: float | None = None,
) -> dict[str, str | Cell]:
    """Return a row's texts.

    `paths` are the parameters that tell it from others; `shown` the visible columns; `ahead` the seconds until its end.
    """
    bar_width = 4 if layout_width < NARROW else 8
    values: dict[str, str | Cell] = {
        "run": label(job),
        "state": Cell(cells.state_cell(job.state), job.state),
        "try": str(job.attempt) if job.attempt > 1 else "",
        "priority": str(job.priority) if job.priority else "",
        "time": cells.span(seconds_so_far(job)),
    }
    if live is not None:
        values["rate"] = _rate(live.rate)
        values["spark"] = Cell(sparkline(live.values, _SPARK), "spark")
        if progress_of := progress_text(live, bar_width):
            values["progress"] = Cell(progress_of, "bar")
    if job.state in {"queued", "running"}:
        left = live.left if ahead is None and live is not None else ahead
        values["left"] = time_left(left) if left else ""
    progress = values.get("progress") if "progress" not in shown else None
    values["detail"] = _detail(job, paths, progress.text if isinstance(progress, Cell) else "")
    return values


def time_left(seconds: float | None) -> str:
    """Return `~12m`; nothing where it is not known."""
    return "" if seconds is None else f"~{cells.span(seconds)}"


def progress_text(live: Live, bar_width: int) -> str:
    """Return how far a run is: `███░ 3/10`, with the share of the epoch where it counts that as well."""
    if not live.done or not live.of:
        return ""
    within = "" if live.within is None else f" {live.within:.0%}"
    return f"{cells.bar(live.done, live.of, bar_width)} {live.done}/{live.of}{within}"


def metric(job: JobView, live: Live | None, column: str) -> str:
    """Return the value of a run's metric, with its name if the column is about another one."""
    name = live.metric if live else job.metric_name
    number = live.value if live else job.metric_value
    if name and name != column and number is not None:
        return f"{name}={number:.3g}"
    value = cells.number(number) if live else cells.metric(name, number)
    return f"{name}={value}" if name and value and name != column else value


def _rate(steps_a_second: float | None) -> str:
    """Return a pace: steps a second, or seconds a step where that is slow."""
    if not steps_a_second:
        return ""
    if steps_a_second < 1:
        return f"{_two_digits(1 / steps_a_second)}s/it"
    return f"{_two_digits(steps_a_second)}it/s"


def _two_digits(value: float) -> str:
    """Return a number that does not change with every look."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _detail(job: JobView, paths: Sequence[str] | None, progress: str) -> Cell:
    words = differences.words(job, list(job.overrides) if paths is None else paths)
    if job.cancel_requested and job.state == "running":
        return Cell("stopping ...", "canceled")
    if job.pause_text:
        return Cell(job.pause_text, "paused")
    if job.state == "running":
        return Cell(f"{progress} {words}".strip())
    if job.error:
        return Cell(f"{words} {job.error}".strip(), "failed" if job.state == "failed" else "dim")
    if job.waiting:
        return Cell(f"{words} [{WAITING_BRIEF.get(job.waiting, job.waiting)}]".strip(), "dim")
    return Cell(words, "dim")
