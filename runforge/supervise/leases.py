"""The locks of a run's GPUs, held by its supervisor from before its claim until the run has ended."""

from __future__ import annotations

import os

from runforge.attempts.spec import Spec
from runforge.machine import gpu_lease


class Leases:
    """Takes all locks at once or none. Raises OSError (EBUSY) if another queue has a device."""

    def __init__(self, spec: Spec) -> None:
        self._held: list[int] = []
        try:
            for lock in spec.gpu_locks:
                descriptor = gpu_lease.take(lock.uuid, spec.queue, is_whole=lock.is_whole)
                if descriptor is not None:
                    self._held.append(descriptor)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Give the devices back."""
        while self._held:
            os.close(self._held.pop())
