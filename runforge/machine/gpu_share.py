"""Which of the machine's GPUs are this process's own: what CUDA_VISIBLE_DEVICES leaves of them, read as CUDA does.

NVIDIA_VISIBLE_DEVICES is not read: it says which devices a container gets, and the container shows no others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from runforge.machine.gpus import Gpu, Gpus, Refused, read_all

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
#: What people and batch systems write for none; CUDA takes all of it for the name of no device.
_NONE = {"", "none", "void", "nodevfiles"}


class _Named(NamedTuple):
    usable: list[Gpu]
    refused: list[Refused]
    #: A name that means no device: CUDA ignores it, and all after it.
    unknown: str | None


def own_gpus() -> Gpus:
    """Return the devices that this process may use and hand out."""
    if is_hidden():  # nothing is asked then, not even whether the driver works
        return Gpus(absence=f"{VISIBLE} allows none")
    found, _ = read_all(lambda *_: None)
    return share_of_this_process(found)


def is_hidden() -> bool:
    """Return whether this process may use none at all."""
    return _is_none(os.environ.get(VISIBLE))


def share_of_this_process(found: Gpus) -> Gpus:
    """Return those of the machine's devices that this process may use."""
    return share(found, os.environ)


def share(found: Gpus, environ: Mapping[str, str]) -> Gpus:
    """Return those of the devices that the variables leave, in their order."""
    visible = environ.get(VISIBLE)
    if visible is None or not found.total:
        return found
    if _is_none(visible):
        return Gpus(absence=f"{VISIBLE} allows none")
    named = _named(found, [word.strip() for word in visible.split(",")])
    own = Gpus(
        tuple(named.usable), tuple(named.refused), remarks=tuple(_remarks(found, visible, named, environ))
    )
    if own.usable:
        return own
    if own.refused:
        return own._replace(problem="; ".join(map(str, own.refused)))
    return own._replace(
        problem=f"{VISIBLE} is {visible[:100]!r}, which names none of this machine's GPUs",
        remarks=(),
    )


def named(found: Gpus, word: str) -> list[Gpu]:
    """Return the devices that a number, a UUID or its beginning means: one, or the MIG instances of one."""
    return _meant(found, word)[0]


def _is_none(visible: str | None) -> bool:
    if visible is None:
        return False
    first = visible.split(",")[0].strip()
    return first.lower() in _NONE or _is_negative(first)


def _is_negative(word: str) -> bool:
    return word.startswith("-") and word[1:].isdecimal()


def _named(found: Gpus, words: list[str]) -> _Named:
    usable: list[Gpu] = []
    refused: list[Refused] = []
    for word in words:
        if _is_negative(word):
            break
        gpus, lost = _meant(found, word)
        if not gpus and not lost:
            return _Named(usable, refused, word)
        usable += [gpu for gpu in gpus if gpu not in usable]
        refused += [each for each in lost if each not in refused]
    return _Named(usable, refused, None)


def _meant(found: Gpus, word: str) -> tuple[list[Gpu], list[Refused]]:
    """Return the devices that a name means: one, the MIG instances of one, or none."""
    if word.isascii() and word.isdecimal():
        index = int(word[:9])
        return [g for g in found.usable if g.index == index], [r for r in found.refused if r.number == index]
    if not word.upper().startswith(("GPU-", "MIG-")):
        return [], []
    exact = [gpu for gpu in found.usable if gpu.uuid == word]
    alike = exact or [gpu for gpu in found.usable if gpu.uuid.lower().startswith(word.lower())]
    if len(alike) == 1:
        return alike, []
    if not alike and found.refused:  # it may be one of those that do not tell even their name
        return [], [Refused(word[:60], found.refused[0].why)]
    return [], []


def _remarks(found: Gpus, visible: str, named: _Named, environ: Mapping[str, str]) -> list[str]:
    remarks = []
    if named.unknown is not None:
        remarks.append(
            f"{VISIBLE} is {visible[:100]!r}: {named.unknown[:60]!r} names no GPU here; as in CUDA, it and what comes"
            " after it is left out"
        )
    has_index = any(word.strip().isdecimal() for word in visible.split(","))
    is_mixed = len({gpu.name for gpu in found.usable}) > 1
    if has_index and is_mixed and environ.get(ORDER) != "PCI_BUS_ID":
        remarks.append(
            f"the numbers in {VISIBLE} are read in the order of nvidia-smi; where GPUs differ, CUDA counts in another"
            f" order: set {ORDER}=PCI_BUS_ID or give UUIDs"
        )
    return remarks
