"""The machine in lines: bars for cores, memory, disk and slots, a block for each GPU."""

from __future__ import annotations

from math import isfinite

from rich.text import Text
from textual.widget import Widget

from runforge import cells
from runforge.machine.load import GpuProcess, GpuView, Machine
from runforge.text import safe
from runforge.tui import node_lines
from runforge.tui.machine_history import History
from runforge.tui.sparkline import levels
from runforge.views.nodes import Nodes
from runforge.views.queue_snapshot import QueueSnapshot

_MOST_PROCESSES = 8
#: Columns for how a run's load was.
_RUN_PAST = 12
#: Below this there is no room for the past.
_WIDE = 76
_MEMORY = {"memory": "memory", "vram": "GPU memory"}


class MachineView(Widget):
    """The machine as it was last read."""

    DEFAULT_CSS = "MachineView { height: auto; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._text = Text("\nReading ...")
        self._history = History()

    def show(
        self, machine: Machine, snapshot: QueueSnapshot, history: History, nodes: Nodes | None = None
    ) -> None:
        """Show new values, and how they were in the last ten minutes; for a cluster's queue its nodes first."""
        text = Text()
        self._history = history
        if snapshot.daemon.backend == "local":
            self._machine(text, machine)
            self._slots(text, snapshot)
            self._gpus(text, machine)
        else:
            _heading(text, "Nodes")
            for line in node_lines.lines(nodes or Nodes(), snapshot.daemon):
                text.append_text(line).append("\n")
            self._machine(text, machine, "This machine: the daemon's, not the runs'")
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    def render(self) -> Text:
        """Return the lines."""
        return self._text

    def _line(
        self,
        text: Text,
        name: str,
        used: float,
        total: float,
        words: str,
        *,
        may_be_full: bool = False,
        past: str = "",
    ) -> None:
        width = max(8, min(30, (self.size.width - 50) // 2))
        text.append(f"{name:<9}", "bold")
        share = used / total if total else 0.0
        style = "green" if may_be_full or share <= 0.8 else "yellow" if share <= 0.95 else "red"
        text.append(cells.bar(used, total, width), style)
        if past and self.size.width >= _WIDE:
            text.append(f" {levels(self._history.columns(past, width))}", "dim " + style)
        text.append(f" {words}\n")

    def _machine(self, text: Text, machine: Machine, title: str = "Machine") -> None:
        _heading(text, title)
        load = " ".join(f"{value:.2f}" for value in machine.load)
        self._line(
            text,
            "cores",
            machine.cpu_percent,
            100,
            f"{machine.cpu_percent:.0f} % of {machine.cores}, load {load}",
            past="cpu",
        )
        used, total = machine.memory_used, machine.memory_total
        self._line(text, "memory", used, total, f"{cells.size(used)} of {cells.size(total)}", past="memory")
        if machine.swap_total:
            used, total = machine.swap_used, machine.swap_total
            self._line(text, "swap", used, total, f"{cells.size(used)} of {cells.size(total)}", past="swap")
        free, total = machine.disk_free, machine.disk_total
        self._line(
            text, "disk", total - free, total, f"{cells.size(free)} free of {cells.size(total)}", past="disk"
        )

    def _slots(self, text: Text, snapshot: QueueSnapshot) -> None:
        daemon = snapshot.daemon
        _heading(text, "Slots")
        used, total = snapshot.slots_used, daemon.max_parallel
        self._line(text, "runs", used, total, f"{used} of {total} in use", may_be_full=True)
        used, total = snapshot.gpu_slots_used, daemon.gpu_slots
        self._line(text, "gpu", used, total, f"{used} of {total} in use", may_be_full=True)
        if daemon.gpu_problem is not None:
            text.append(f"  GPU runs wait: {safe(daemon.gpu_problem, 200)}\n", "red")
        for job in snapshot.running:
            text.append(f"  {cells.state_cell('running')}  ", "cyan")
            kind = "cpu+gpu" if job.requires_gpu else "cpu"
            text.append(f"#{job.number} {safe(job.run_id, 60)}  {kind}{self._run(job.run_id)}\n")

    def _run(self, run_id: str) -> str:
        """Return what a run uses, and how that was."""
        parts = []
        for what in ("cpu", "memory", "vram"):
            name = f"run {run_id} {what}"
            if (value := self._history.last(name)) is None:
                continue
            past = self._history.columns(name, _RUN_PAST)
            shown = f"cpu {value:.0f} %" if what == "cpu" else f"{_MEMORY[what]} {cells.size(value)}"
            high = max([100.0 if what == "cpu" else 1.0, *(v for v in past if isfinite(v))])
            parts.append(f"{shown} {levels(past, high)}".rstrip())
        return f"\n       {'   '.join(parts)}" if parts else ""

    def _gpus(self, text: Text, machine: Machine) -> None:
        _heading(text, "GPUs")
        if machine.gpu_problem is not None:
            text.append(f"  {safe(machine.gpu_problem, 200)}\n", "red")
        for gpu in machine.gpus:
            self._gpu(text, gpu)
        if not machine.gpus:
            why = f": {safe(machine.gpu_absence, 100)}" if machine.gpu_absence else ""
            text.append(f"  none that can be used{why}\n", "dim")

    def _gpu(self, text: Text, gpu: GpuView) -> None:
        busy = "?" if gpu.utilisation is None else f"{gpu.utilisation} %"
        heat = "" if gpu.temperature is None else f", {gpu.temperature} C"
        watts = "" if gpu.power is None else f", {gpu.power:.0f} W"
        text.append(f"  {gpu.index} {safe(gpu.name, 40)}\n", "bold")
        self._line(
            text, "  busy", gpu.utilisation or 0, 100, f"{busy}{heat}{watts}", past=f"gpu {gpu.uuid} use"
        )
        self._gpu_past(text, gpu)
        used, total = gpu.memory_used, gpu.memory_total
        if used is not None and total is not None:
            self._line(
                text,
                "  memory",
                used,
                total,
                f"{cells.size(used)} of {cells.size(total)}",
                past=f"gpu {gpu.uuid} memory",
            )
        for line in gpu.held:
            text.append(f"    {safe(line, 300)}\n", "cyan")
        for process in gpu.processes[:_MOST_PROCESSES]:
            text.append(f"    {_whose(process)}  {cells.size(process.memory)}\n")
        if len(gpu.processes) > _MOST_PROCESSES:
            text.append(f"    and {len(gpu.processes) - _MOST_PROCESSES} more\n", "dim")

    def _gpu_past(self, text: Text, gpu: GpuView) -> None:
        """Add how warm the device was and what it drew, where there is room."""
        if self.size.width < _WIDE:
            return
        for name, what, high in (("heat", "heat", 100.0), ("power", "power", 0.0)):
            past = self._history.columns(f"gpu {gpu.uuid} {what}", _RUN_PAST * 2)
            finite = [value for value in past if isfinite(value)]
            if finite:
                top = high or max(finite)
                unit = "C" if what == "heat" else "W"
                text.append(f"  {name:<7}", "bold")
                text.append(f"{levels(past, top)} {min(finite):.0f} to {max(finite):.0f} {unit}\n", "dim")


def _whose(process: GpuProcess) -> str:
    what = f"pid {process.pid} {safe(process.name, 30)} ({safe(process.user, 20)})"
    return f"run {safe(process.run_id, 60)}  {what}" if process.run_id else f"{what}, not RunForge's"


def _heading(text: Text, title: str) -> None:
    text.append(f"{'' if not text.plain else chr(10)}{title}\n", "bold underline")
