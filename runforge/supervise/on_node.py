"""A supervisor that a cluster starts, for one attempt.

    runforge.supervise.on_node SPEC DIGEST [KILL_WAIT]

KILL_WAIT: so many seconds after TERM the cluster kills. Daemons before 0.2 do not say it.
The exit code is the run's, so that the cluster shows what RunForge shows. A start that came too late ends with 75.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runforge.supervise.node import Node
from runforge.supervise.supervisor import supervise


def main() -> None:
    """See the attempt through."""
    spec, digest, *kill_wait = sys.argv[1:]
    node = Node(*map(float, kill_wait))
    supervise(Path(spec), digest, node=node)
    sys.exit(node.exit_code)
