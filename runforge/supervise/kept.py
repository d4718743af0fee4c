"""Whose worker may be kept for the next run, and what a kept one is compared with."""

from __future__ import annotations

import codecs
import importlib
from collections.abc import Callable
from typing import NamedTuple

from runforge import light_json
from runforge.attempts.environment import DAEMONS
from runforge.attempts.spec import Spec
from runforge.machine import os_process
from runforge.supervise.fingerprint import Objects, settings


class Kept(NamedTuple):
    """The runs that may follow each other in one process; made by the zygote when it has imported everything."""

    #: The function of these runs, as `module:function`.
    target: str
    #: Returns the settings of the libraries that they use.
    libraries: Callable[[], object]
    objects: Objects

    @classmethod
    def made(cls, target: str, module: str) -> Kept:
        """Return it for the runs of a function; a module with `look` and `executed` knows their libraries."""
        knows = importlib.import_module(module)
        (
            settings(os_process.own_status()),
            knows.look(),
        )  # what these themselves keep from their first call is no change
        codecs.lookup("ascii")
        light_json.loads("0")  # its parser is made at its first use: in a supervisor, between two workers
        return cls(target, knows.look, Objects(knows.executed()))

    def may_do(self, spec: Spec) -> bool:
        """Return whether a run may share a process with others.

        One with devices, an environment or secrets of its own may not: libraries read some variables only once.
        """
        payload = spec.payload
        return (
            spec.target == self.target
            and payload.dry_run_seconds is None
            and not payload.grant.devices
            and not spec.gpu_locks
            and spec.environment == DAEMONS
        )
