"""What a run waits for, one by one: who holds it, and which parents have to end."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.views.kin import Relative


class Holder(NamedTuple):
    """A running run that holds what another one waits for."""

    number: int
    run_id: str
    name: str
    #: Its slot, and its devices.
    slot: int | None
    devices: tuple[str, ...]
    cpus: int
    mem_mb: int
    until: str | None
    until_latest: str | None
    #: What people call its devices.
    called: tuple[str, ...] = ()


class Awaited(NamedTuple):
    """A parent that a run waits for, and when that ends."""

    parent: Relative
    until: str | None
    until_latest: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {**self.parent.to_json(), "until": self.until, "until_latest": self.until_latest}
