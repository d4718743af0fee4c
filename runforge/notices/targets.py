"""Whom notices go to, by the addresses in config.toml. An address may hold a secret: only its label is shown."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: `cmd:PATH`
PROGRAM = "cmd"
#: RunForge posts to these itself.
WEB = ("http", "https")


class Target(NamedTuple):
    """One address, and its place in the list."""

    number: int
    address: str

    @property
    def scheme(self) -> str:
        """What stands before the first colon."""
        return self.address.partition(":")[0].lower()

    @property
    def key(self) -> str:
        """By which the journal knows who was told already; nothing follows from it."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """What may be shown of it: of web addresses the host, of Apprise's only the service."""
        if self.scheme == PROGRAM:
            return f"target {self.number} ({self.address[:200]})"
        if self.scheme in WEB:
            return f"target {self.number} ({self.scheme}://{_host(self.address)})"
        return f"target {self.number} ({self.scheme}://...)"


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "..."
    except ValueError:
        return "..."


def targets_of(addresses: Sequence[str]) -> list[Target]:
    """Return the targets, each once."""
    return [Target(number, text.strip()) for number, text in enumerate(dict.fromkeys(addresses), 1)]
