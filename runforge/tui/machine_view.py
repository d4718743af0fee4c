"""The machine in lines: bars for cores, memory, disk and slots, a block for each GPU."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from runforge import cells
from runforge.machine.load import GpuProcess, GpuView, Machine
from runforge.text import safe
from runforge.views.queue_snapshot import QueueSnapshot

_MOST_PROCESSES = 8


class MachineView(Widget):
    """The machine as it was last read."""

    DEFAULT_CSS = "MachineView { height: auto; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._text = Text("\nReading ...")

    def show(self, machine: Machine, snapshot: QueueSnapshot) -> None:
        """Show new values."""
        text = Text()
        self._machine(text, machine)
        self._slots(text, snapshot)
        self._gpus(text, machine)
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    def render(self) -> Text:
        """Return the lines."""
        return self._text

    def _line(
        self, text: Text, name: str, used: float, total: float, words: str, *, may_be_full: bool = False
    ) -> None:
        width = max(8, min(30, self.size.width - 45))
        text.append(f"{name:<9}", "bold")
        share = used / total if total else 0.0
        style = "green" if may_be_full or share <= 0.8 else "yellow" if share <= 0.95 else "red"
        text.append(cells.bar(used, total, width), style)
        text.append(f" {words}\n")

    def _machine(self, text: Text, machine: Machine) -> None:
        _heading(text, "Machine")
        load = " ".join(f"{value:.2f}" for value in machine.load)
        self._line(
            text,
            "cores",
            machine.cpu_percent,
            100,
            f"{machine.cpu_percent:.0f} % of {machine.cores}, load {load}",
        )
        used, total = machine.memory_used, machine.memory_total
        self._line(text, "memory", used, total, f"{cells.size(used)} of {cells.size(total)}")
        if machine.swap_total:
            used, total = machine.swap_used, machine.swap_total
            self._line(text, "swap", used, total, f"{cells.size(used)} of {cells.size(total)}")
        free, total = machine.disk_free, machine.disk_total
        self._line(text, "disk", total - free, total, f"{cells.size(free)} free of {cells.size(total)}")

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
            text.append(f"{safe(job.run_id, 60)}  {kind}\n")

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
        self._line(text, "  busy", gpu.utilisation or 0, 100, f"{busy}{heat}{watts}")
        used, total = gpu.memory_used, gpu.memory_total
        if used is not None and total is not None:
            self._line(text, "  memory", used, total, f"{cells.size(used)} of {cells.size(total)}")
        for line in gpu.held:
            text.append(f"    {safe(line, 300)}\n", "cyan")
        for process in gpu.processes[:_MOST_PROCESSES]:
            text.append(f"    {_whose(process)}  {cells.size(process.memory)}\n")
        if len(gpu.processes) > _MOST_PROCESSES:
            text.append(f"    and {len(gpu.processes) - _MOST_PROCESSES} more\n", "dim")


def _whose(process: GpuProcess) -> str:
    what = f"pid {process.pid} {safe(process.name, 30)} ({safe(process.user, 20)})"
    return f"run {safe(process.run_id, 60)}  {what}" if process.run_id else f"{what}, not RunForge's"


def _heading(text: Text, title: str) -> None:
    text.append(f"{'' if not text.plain else chr(10)}{title}\n", "bold underline")
