"""Which devices a person means by `--gpu`: UUIDs, their beginnings, or the numbers of nvidia-smi."""

from __future__ import annotations

from runforge.errors import InvalidRequest, OperationFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def uuids(words: Sequence[str]) -> list[str]:
    """Return the UUIDs of the devices; OperationFailed for one that this machine does not have.

    Where no device can be seen, full UUIDs are taken as they are: the daemon may see them.
    """
    names = [name.strip() for word in words for name in word.split(",")]
    if not names:
        return []
    from runforge.machine.gpu_share import named
    from runforge.machine.gpus import read_all

    found, _ = read_all(lambda *_: None)
    meant = []
    for name in names:
        if not name:
            raise InvalidRequest("--gpu is empty", fix="Give a number of nvidia-smi, or a UUID")
        devices = named(found, name)
        if not devices and not found.total and name.startswith(("GPU-", "MIG-")):
            meant.append(name)
        elif not devices:
            there = ", ".join(f"{gpu.index} {gpu.uuid}" for gpu in found.usable[:8])
            raise OperationFailed(
                f"there is no GPU {name[:60]} here",
                where="--gpu",
                fix=f"There are: {there}"
                if there
                else f"No GPU can be seen: {found.problem or found.absence}",
            )
        meant += [gpu.uuid for gpu in devices]
    return list(dict.fromkeys(meant))
