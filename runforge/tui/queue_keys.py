"""The keys of the queue screen, and which of them the last line shows."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding, BindingType

from runforge.tui.bars import Key
from runforge.tui.changing_screen import RUN_KEYS
from runforge.tui.sweeping import EXTEND, STOP

BINDINGS: list[BindingType] = [
    Binding("l", "open('log')", "Log of the run"),
    Binding("c", "open('curves')", "Curves of the run"),
    Binding("i", "open('info')", "All about the run"),
    Binding("o", "open_group", "The group of the run: its sweep as a table"),
    Binding("slash", "filter", "Filter: words, !word, state:failed, group:name, 12 or 3-9, lr=0.1"),
    Binding("f", "only_group", "Only jobs of this group, or all again"),
    Binding("a", "active", "Only queued and running jobs, or all"),
    Binding("s", "sort", "Sort by the next column"),
    Binding("S", "reverse", "Reverse the order"),
    Binding("V", "columns", "Which columns are shown"),
    Binding("x,delete", "cancel", "Cancel run, marked runs or group"),
    Binding("r", "retry", "Retry failed or canceled: run, marked runs or group"),
    *RUN_KEYS,
    Binding("J", "step(1)", "Move the queued run down, among those of its group"),
    Binding("K", "step(-1)", "Move the queued run up"),
    Binding("p", "pause", "Pause or resume the group"),
    EXTEND,
    STOP,
    Binding("plus", "priority(1)", "Higher priority"),
    Binding("minus", "priority(-1)", "Lower priority"),
    Binding("equals_sign", "compare", "Compare the curves of the marked runs"),
    Binding("b", "beside", "Beside the table: curves, log, machine"),
    Binding("tab,shift+tab", "switch", "Between jobs and groups"),
    Binding("escape", "back_out", "Clear marks, then the filter"),
]
KEYS: Sequence[Key] = (
    Key("↵", "open", "open('log')"),
    Key("/", "filter", "filter"),
    Key("space", "mark", "mark"),
    Key("x", "cancel", "cancel"),
    Key("r", "retry", "retry"),
    Key("e", "edit", "edit"),
    Key("p", "pause", "pause"),
    Key("?", "help", "help"),
    Key("q", "quit", "leave"),
    Key("D", "daemon", "daemon"),
    Key("+-", "priority", "priority(1)"),
    Key("=", "compare", "compare"),
    Key("s", "sort", "sort"),
    Key("tab", "groups", "switch"),
    Key("o", "sweep", "open_group"),
    Key("m", "machine", "machine"),
    Key("n", "new", "new"),
    Key("h", "hold", "hold"),
    Key("w", "why", "why"),
    Key("a", "active", "active"),
    Key("d", "remove", "remove"),
    Key("E", "extend sweep", "extend"),
    Key("T", "stop rule", "stop_rule"),
    Key(":", "commands", "app.command_palette"),
)
