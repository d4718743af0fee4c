"""The keys that change a sweep: more values or trials, and another stop rule.

They go through the doors of `runforge extend` and `runforge edit GROUP --stop`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from textual.binding import Binding

from runforge.errors import InvalidRequest
from runforge.named import NamedTuple
from runforge.tui import differences
from runforge.tui.base_screen import BaseScreen
from runforge.tui.steering import Steering
from runforge.views.labels import parameter_names
from runforge.views.shown import GroupView
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.core.space import Dimension
    from runforge.core.study import Study
    from runforge.queue.extending import Extended

_Read = TypeVar("_Read")

EXTEND = Binding("E", "extend", "Extend the sweep: more values, or more trials")
STOP = Binding("T", "stop_rule", "Stop rule of the sweep: which runs end early")
#: The most trials that one extension asks for, as on the command line.
_MOST_TRIALS = 1_000_000
_SHOWN_VALUES, _SHOWN_PARAMETERS = 6, 8
_RULES = (
    "median           worse than the median of the finished runs",
    "asha:eta=3,min=5 at steps 5, 15, 45 ... not among the best third",
    "target:0.95      another run has reached this value",
    "patience:10      no better for ten values",
    "off              every run goes on to its end",
)


class Wanted(NamedTuple):
    """By what a sweep is to grow."""

    axes: list[str]
    number: int | None


def wanted(text: str) -> Wanted:
    """Return what was typed: `lr=0.1,0.2 seed=4..6`, `30`, or both; the options' names may stand before them."""
    import shlex

    try:
        words = [word for word in shlex.split(text) if word not in {"-S", "-n"}]
    except ValueError:
        raise InvalidRequest("a quotation mark has no other one", fix="Close it") from None
    axes = [word for word in words if "=" in word]
    others = [word for word in words if "=" not in word]
    if len(others) > 1 or not all(word.isdecimal() and 1 <= int(word) <= _MOST_TRIALS for word in others):
        raise InvalidRequest(
            f"{' '.join(others)[:40]!r} is neither KEY=VALUES nor a number of trials",
            fix="Write lr=0.1,0.2 or 30",
        )
    return Wanted(axes, int(others[0]) if others else None)


def look(steering: Steering, group: GroupView, text: str) -> str:
    """Return what an extension would do."""
    from runforge.queue import extending

    asked = wanted(text)
    found = extending.look(steering.workspace, group.group_id, *asked)
    return _said(found)


def extend(steering: Steering, group: GroupView, text: str) -> str:
    """Extend a sweep."""
    from runforge.queue import extending

    steering.require_writable()
    done = extending.extend(steering.workspace, group.group_id, *wanted(text))
    return f"{group.name}: {_said(done)}"


def _said(done: Extended) -> str:
    return f"{done.words()}{f'; the space is exhausted: {done.ended}' if done.ended else ''}"


def set_rule(steering: Steering, group: GroupView, text: str) -> str:
    """Give a sweep another stop rule, or none."""
    from runforge.queue import edit_group

    steering.require_writable()
    rule, is_new = edit_group.set_rule(steering.workspace, group.group_id, _rule(text))
    return f"{group.name}: the stop rule is {rule}{'' if is_new else ', as before'}"


def _rule(text: str) -> str:
    from runforge.core.study import OFF

    return text.strip() or OFF


class Sweeping(BaseScreen):
    """A screen whose groups may be sweeps."""

    def with_group(self, then: Callable[[GroupView], None]) -> None:
        """Continue with the group that a key is about."""
        raise NotImplementedError

    def action_extend(self) -> None:
        """Ask for more values or trials."""
        from runforge.queue.extending import sweep_of

        self._with_group(sweep_of, self._ask_more)

    def action_stop_rule(self) -> None:
        """Ask for another stop rule."""
        from runforge.queue.edit_group import rule_of

        self._with_group(rule_of, self._ask_rule)

    def _with_group(
        self, read: Callable[[Workspace, str], _Read], then: Callable[[GroupView, _Read], None]
    ) -> None:
        """Continue with the group and what is read of it; why that cannot be changed is told."""
        steering = self.runforge.steering
        if steering.read_only:
            self.act(steering.refused)
            return

        def found(group: GroupView) -> None:
            self.runforge.read(
                self,
                lambda: read(steering.workspace, group.group_id),
                lambda known: then(group, known),
                is_awaited=True,
            )

        self.with_group(found)

    def _ask_more(self, group: GroupView, study: Study) -> None:
        from runforge.core.study import GRID
        from runforge.tui.line_dialog import LineDialog

        steering = self.runforge.steering
        names = parameter_names(each.path for each in study.space)
        space = [f"{names[each.path]} = {_values(each)}" for each in study.space[:_SHOWN_PARAMETERS]]
        if left := len(study.space) - len(space):
            space.append(f"and {left} more parameters")
        if study.method == GRID:
            hint = f"{names[study.space[0].path]}=VALUE,VALUE"
            how = "More values, several parameters with a space between"
        else:
            hint, how = "30", "So many more trials; another interval: lr=1e-5..1e-2"
        self.app.push_screen(
            LineDialog(
                f"Extend {group.name}, a sweep by {study.method} with {study.made or group.total:,} runs",
                [*space, how],
                hint=hint,
                look=lambda text: look(steering, group, text),
                change=lambda text: extend(steering, group, text),
                does="extend",
            )
        )

    def _ask_rule(self, group: GroupView, rule: str) -> None:
        from runforge.queue.edit_group import look_at_rule
        from runforge.tui.line_dialog import LineDialog

        steering = self.runforge.steering
        self.app.push_screen(
            LineDialog(
                f"Stop rule of {group.name}: which runs end early",
                _RULES,
                text=rule,
                look=lambda text: look_at_rule(steering.workspace, group.group_id, _rule(text)),
                change=lambda text: set_rule(steering, group, text),
                does="set",
            )
        )


def _values(each: Dimension) -> str:
    if each.is_interval:
        return f"{each.low:g}..{each.high:g}{', logarithmic' if each.is_log else ''}"
    texts = [differences.value_text(value) for value in each.values]
    more = f" and {len(texts) - _SHOWN_VALUES} more" if len(texts) > _SHOWN_VALUES else ""
    return f"{', '.join(texts[:_SHOWN_VALUES])}{more}"
