"""What a run could change in its process that the next run there would see.

A worker that is kept compares itself with what its zygote was when it had imported everything, and with what it was
itself when it began: the names of modules and classes, their lists, dicts and sets, the attributes of their objects,
which modules there are, the settings of process and interpreter. It does not look into C code, nor into objects within
objects: it guards against accidents of RunForge's own families. A user's code never runs in a process that is kept.
"""

from __future__ import annotations

# `signal` makes members of an enum of all answers, which takes twenty times as long.
import _signal  # type: ignore[import-not-found]
import atexit
import builtins
import contextvars
import decimal
import enum
import faulthandler
import gc
import locale
import os
import random
import re
import resource
import signal
import sys
import threading
import tracemalloc
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any

from runforge.machine import os_process
from runforge.supervise.changed_dicts import ChangedDicts

#: Of longer tables only the length is compared, the modules aside: they are constants (Unicode, physics), and there
#: are many.
_LONGEST = 256
#: The worker itself switches these off.
_OWN = ("runforge.failpoints",)
#: Whose names the interpreter binds anew in a forked process: locks.
_FORKED = ("threading", "logging", "random")
#: Patterns that were compiled before, under the text that each was made of: they mean nothing, and the supervisor
#: itself compiles some between two workers.
_COMPILED = ("_cache", "_cache2")
#: How a module was found, and what `import *` takes of it.
_UNREAD = ("__spec__", "__loader__", "__all__")
#: The flag of classes that were made when the program ran.
_CAN_CHANGE = 1 << 9
_PACKAGE = __name__.partition(".")[0]
_WARNED = "__warningregistry__"
#: What the kernel says of a process that every run changes: its name, its memory, its switches.
_USE = ("Name", "Vm", "Rss", "Huge", "State", "SigQ", "voluntary", "nonvoluntary")
_SIGNALS = sorted(signal.valid_signals())
_LIMITS = tuple(getattr(resource, name) for name in sorted(dir(resource)) if name.startswith("RLIMIT_"))


class Objects:
    """What code may find in modules and classes, as it was when this was made.

    Only code that runs can be misled: so these are the modules of RunForge, the named ones, which are those whose code
    a run executes, and the modules that they name. To read an object is to write to its memory, which a fork then no
    longer shares: all modules would cost each worker forty megabytes and as many milliseconds.
    """

    def __init__(self, executed: Collection[str]) -> None:
        modules = [vars(module) for module in _modules(executed) if module.__name__ not in _FORKED]
        self._forked = [vars(sys.modules[name]) for name in _FORKED if name in sys.modules]
        self._locks: list[Any] = []
        self._dicts: list[dict[Any, Any]] = [*modules, *_classes([*modules, *self._forked])]
        self._members: list[list[Any] | set[Any]] = []
        self._long: list[Any] = []
        for place in _places([*modules, *self._forked]):
            if len(place) > _LONGEST and place is not sys.modules:
                self._long.append(place)
            elif isinstance(place, dict):
                self._dicts.append(place)
            else:
                self._members.append(place)
        self._values = [self._values_of(each) for each in self._dicts]
        self._changed = ChangedDicts(self._dicts)
        self._held = [each.copy() for each in self._members]
        self._lengths = list(map(len, self._long))

    def begin(self) -> None:
        """The process was forked: what that has changed is as it must be."""
        self._locks = self._look_at_locks()

    def are_the_same(self) -> bool:
        """Return whether everything is as it was."""
        try:
            # Lists compare by identity first: a hundred thousand items take about a millisecond.
            is_same = (
                self._look_at_locks() == self._locks
                and self._members == self._held
                and list(map(len, self._long)) == self._lengths
            )
            changed = self._changed.since_then() if is_same else ()
            is_same = is_same and all(self._values_of(self._dicts[n]) == self._values[n] for n in changed)
        except Exception:  # noqa: BLE001 - what cannot be compared (an array) was not there before
            return False
        if changed and is_same:
            self._changed.are_the_same()
        return is_same

    def _look_at_locks(self) -> list[Any]:
        return list(chain.from_iterable(map(dict.values, self._forked)))

    def _values_of(self, names: dict[Any, Any]) -> list[Any]:
        # What remains of a warning that was shown under other filters. It means nothing.
        if _WARNED in names and names[_WARNED].keys() == {"version"}:
            del names[_WARNED]
        return list(dict.values(names))


def _modules(executed: Collection[str]) -> list[ModuleType]:
    found = {
        name: module
        for name, module in sys.modules.items()
        if isinstance(module, ModuleType) and (name in executed or name.partition(".")[0] == _PACKAGE)
    }
    named = [
        each for module in found.values() for each in vars(module).values() if isinstance(each, ModuleType)
    ]
    found.update((module.__name__, module) for module in (*named, sys, builtins))
    return [module for name, module in found.items() if name not in _OWN]


def _classes(modules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the dicts behind the views that classes give of their names: they are ten times quicker to read.

    Of the classes that the modules define. Those of the interpreter itself cannot be changed.
    """
    views = [
        gc.get_referents(vars(value))
        for names in modules
        for value in names.values()
        if isinstance(value, type) and value.__flags__ & _CAN_CHANGE and value.__module__ == names["__name__"]
    ]
    return [each for found in views for each in found if isinstance(each, dict)]


def _places(modules: Sequence[dict[str, Any]]) -> list[Any]:
    """Return the containers and attributes of what modules and classes name."""
    found: dict[int, Any] = {}
    for names in (*modules, *_classes(modules)):
        for name, value in names.items():
            if name not in _UNREAD:
                found.update((id(place), place) for place in _held_by(value))
    for unread in (*modules, *(getattr(re, name, None) for name in _COMPILED)):
        found.pop(id(unread), None)
    return list(found.values())


def _held_by(value: Any) -> Iterator[Any]:
    """Yield where a value could keep something from one run to the next."""
    if isinstance(value, (dict, list, set)):
        yield value
    elif isinstance(value, FunctionType):
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        yield from (each for each in defaults if isinstance(each, (dict, list, set)))
    elif _has_attributes(value):
        yield object.__getattribute__(value, "__dict__")


def _has_attributes(value: Any) -> bool:
    """Return whether a value is an object with names of its own, and no function, property or the like."""
    kind = type(value)
    is_other = callable(value) or isinstance(value, (ModuleType, enum.Enum)) or hasattr(kind, "__get__")
    return bool(kind.__dictoffset__) and not is_other


def settings(status: os_process.OwnStatus) -> tuple[Any, ...]:
    """Return what the kernel, the C library and the interpreter hold for this process, to be compared."""
    return (*_of_process(status), *_of_interpreter())


def _of_process(status: os_process.OwnStatus) -> Iterator[Any]:
    # Among them the threads, the mask for files, the signals that are caught or blocked, the rights.
    yield [line for line in status.lines if not line.startswith(_USE)]
    yield [resource.getrlimit(number) for number in _LIMITS]
    yield os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)
    yield os.getcwd(), os.getpgrp(), os.getsid(0)
    yield [signal.getitimer(each) for each in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)]
    yield resource.getrusage(resource.RUSAGE_CHILDREN)
    # What Python knows, as bytes: to make texts of it takes ten times as long.
    yield dict(os.environ._data), os_process.own_environment()  # type: ignore[attr-defined]  # noqa: SLF001
    yield locale.setlocale(locale.LC_ALL)


def _of_interpreter() -> Iterator[Any]:
    """Yield settings of the interpreter and its library that are no names of a module."""
    yield sys.gettrace(), sys.getprofile()
    yield sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_asyncgen_hooks()
    yield getattr(sys, "get_int_max_str_digits", int)()
    yield gc.isenabled(), gc.get_threshold(), gc.get_debug()
    yield faulthandler.is_enabled(), tracemalloc.is_tracing(), atexit._ncallbacks()  # noqa: SLF001 - nothing else counts them
    yield [_signal.getsignal(number) for number in _SIGNALS]
    yield threading.enumerate()
    yield dict(contextvars.copy_context()), repr(decimal.getcontext())
    yield random.getstate()
