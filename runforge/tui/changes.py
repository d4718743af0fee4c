"""The user's changes: one after the other, in the order of the keys.

A key that changes something decides on what is shown. So such keys wait (`typed_ahead`) until what the changes before
them have led to is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from runforge.errors import explained


class Changes:
    """Carries them out in a thread, one at a time; belongs to the painting thread."""

    def __init__(self, look_again: Callable[[], int]) -> None:
        """`look_again` lets the queue be read; it returns the number of that look, which `seen` is told."""
        self._look_again = look_again
        self._turn = asyncio.Lock()
        #: So many are not done yet.
        self._asked = 0
        #: The look that shows what they have led to; 0 if it was shown.
        self._look = 0

    @property
    def are_unseen(self) -> bool:
        """Whether something was asked for, and what it has led to is not shown yet."""
        return self._asked > 0 or self._look > 0

    def asked(self, change: Callable[[], str]) -> Awaitable[tuple[str, bool]]:
        """Take note of a change; carry it out when it is waited for. Its answer: a sentence, and whether it is an error."""
        self._asked += 1
        return self._carried_out(change)

    async def _carried_out(self, change: Callable[[], str]) -> tuple[str, bool]:
        async with self._turn:  # whoever has waited longest comes next
            try:
                return await asyncio.to_thread(_tried, change)
            finally:
                self._asked -= 1
                self._look = self._look_again()

    def seen(self, look: int) -> bool:
        """Take note that a look is shown; return whether it is the first one that shows all that was changed."""
        if self._asked or not self._look or look < self._look:
            return False
        self._look = 0
        return True

    def unseen(self) -> None:
        """Take note that the queue cannot be read: nobody waits for that."""
        self._look = 0


def _tried(change: Callable[[], str]) -> tuple[str, bool]:
    try:
        return change(), False
    except Exception as error:  # noqa: BLE001 - the boundary of an action: told, not fatal
        return explained(error), True
