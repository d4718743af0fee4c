"""Which process gets the first signal of a cancel: the program that may save something, not its shell.

If TERM ends a shell or a launcher, its program ends too; if workers end first, the program that waits for
them breaks. So the signal goes only to the program, not to shells and launchers, and not to a `tee` behind it
in a pipeline. A shell with a trap for TERM gets the signal itself.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from runforge.machine import os_process

_SHELL_NAMES = "sh bash dash ash zsh ksh mksh fish csh tcsh busybox"
#: They start several programs and pass TERM on to each. One that catches TERM does that itself.
_ELASTIC_NAMES = (
    "torchrun torch.distributed.run torch.distributed.launch accelerate accelerate.commands.launch"
)
_LAUNCHER_NAMES = (
    "env uv uvx conda mamba micromamba pixi poetry pdm pipenv hatch rye deepspeed deepspeed.launcher.runner "
    "deepspeed.launcher.launch horovodrun composer mpirun mpiexec mpiexec.hydra hydra_pmi_proxy orterun prterun orted "
    "prted make just time timeout script unbuffer sudo doas su runuser setsid flock tini dumb-init catatonit strace "
    "ltrace nsys ncu perf"
)
_FILTER_NAMES = (
    "tee cat grep egrep fgrep rg sed awk gawk mawk tr cut head tail ts sort uniq wc pv gzip xz zstd less logger "
    "rotatelogs multilog"
)
_SHELLS = frozenset(_SHELL_NAMES.split())
_WITH_A_WILL = _SHELLS | frozenset(_ELASTIC_NAMES.split())
_PASSED_OVER = _WITH_A_WILL | frozenset(_LAUNCHER_NAMES.split())
_FILTERS = frozenset(_FILTER_NAMES.split())
_INTERPRETER = re.compile(r"(python|pypy|perl|ruby|node)[\d.]*\Z")
#: Options of Python with a value in the next word.
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_DEEPEST = 32


class FirstSignal(NamedTuple):
    """Which processes get TERM first, which shells are held meanwhile, and which end by themselves."""

    targets: list[int]
    #: Shells that TERM would end. They are stopped, so that they do not start their next command.
    held: list[int]
    spared: set[int]


def choose(
    roots: Iterable[int],
    children: Mapping[int, Sequence[int]],
    spared: Iterable[int],
    number: signal.Signals = signal.SIGTERM,
) -> FirstSignal:
    """Choose who gets the first signal in the trees below some processes, without those spared before."""
    found = FirstSignal([], [], set(spared))
    for root in roots:
        if root not in found.spared:
            _descend(root, children, found, number)
    return found


def _descend(
    pid: int, children: Mapping[int, Sequence[int]], found: FirstSignal, number: int, depth: int = 0
) -> None:
    names = _names(os_process.command_line(pid))
    below = [
        child
        for child in children.get(pid, ())
        if child not in found.spared and not os_process.is_zombie(child)
    ]
    is_passed_over = names & _PASSED_OVER and not (names & _WITH_A_WILL and os_process.catches(pid, number))
    if not is_passed_over or not below or depth > _DEEPEST:
        found.targets.append(pid)
        return
    if names & _SHELLS and not os_process.ignores(pid, number):
        found.held.append(pid)
    heads = _heads(below)
    found.spared.update(child for child in below if child not in heads and reads_a_pipe(child))
    for child in heads:
        _descend(child, children, found, number, depth + 1)


def _heads(pids: Sequence[int]) -> list[int]:
    """Return the programs among a shell's children, without those that only read another one's output."""
    programs = [pid for pid in pids if not _names(os_process.command_line(pid)) & _FILTERS] or list(pids)
    writers = {os_process.descriptor_target(pid, out): pid for pid in programs for out in (1, 2)}
    heads = [pid for pid in programs if writers.get(_input(pid), pid) == pid]
    return heads or programs


def reads_a_pipe(pid: int) -> bool:
    """Return whether a process reads the output of another one and so ends by itself after it."""
    return _input(pid).startswith("pipe:")


def _input(pid: int) -> str:
    return os_process.descriptor_target(pid, 0)


def _names(words: Sequence[str]) -> set[str]:
    """Return the names of a process: its program, and the script or module that an interpreter runs."""
    if not words:
        return set()
    program = os.path.basename(words[0]).lstrip("-")
    return {program, _script(words[1:])} if _INTERPRETER.match(program) else {program}


def _script(words: Sequence[str]) -> str:
    rest = iter(words)
    for word in rest:
        if word == "-m":
            return next(rest, "")
        if word == "-c":
            return ""
        if word in _WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return os.path.basename(word)
    return ""
