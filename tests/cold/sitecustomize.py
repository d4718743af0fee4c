"""On the path of the tests' daemons: their warm zygote gets ready without scikit-learn.

Importing it costs a daemon more than a second of processor time, and the tests start some hundreds of daemons,
nearly all for runs that train nothing. A run that does train imports it by itself. Tests that ask for `as_installed`
have daemons as a user has them.
"""

from __future__ import annotations

import sys

if "runforge.supervise.zygote" in sys.orig_argv:
    from types import ModuleType

    sys.modules["runforge.training.warmup"] = ModuleType("runforge.training.warmup")
