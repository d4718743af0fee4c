"""The machine of the queue: cores, memory, GPUs and their users, slots, disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from runforge.machine.load import Machine
from runforge.tui.bars import Key
from runforge.tui.base_screen import BaseScreen
from runforge.tui.machine_view import MachineView
from runforge.views.nodes import Nodes

_SECONDS = 2.0


class MachineScreen(BaseScreen):
    """The machine, read every two seconds while it is visible."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("esc", "back", "leave"),
        Key("D", "daemon", "daemon"),
        Key("?", "help", "help"),
    )
    DEFAULT_CSS = "MachineScreen VerticalScroll { height: 1fr; } MachineScreen MachineView { height: auto; }"

    def content(self) -> Iterable[Widget]:
        """Lay out the machine."""
        with VerticalScroll():
            yield MachineView()

    def on_mount(self) -> None:
        """Start to read."""
        self.query_one(VerticalScroll).focus()
        self.runforge.watch_machine()
        self._refresh()
        self.set_interval(_SECONDS, self._refresh)

    def _refresh(self) -> None:
        if self.is_current:
            self.run_worker(self._read, thread=True, exclusive=True)

    def _read(self) -> None:
        machine, nodes = self.runforge.read_machine(), self.runforge.read_nodes()
        self.app.call_from_thread(self._show, machine, nodes)

    def _show(self, machine: Machine, nodes: Nodes | None) -> None:
        if self.runforge.snapshot is not None:
            for view in self.query(MachineView):  # none: the screens were closed while it was read
                view.show(machine, self.runforge.snapshot, self.runforge.history, nodes)
