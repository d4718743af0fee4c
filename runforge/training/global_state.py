"""What a training could leave behind in its process: where, and the settings of NumPy and scikit-learn."""

from __future__ import annotations

import sys
from typing import Any


def executed() -> frozenset[str]:
    """Return the modules whose code a run executes, as far as the warm-up of this process has seen."""
    warmup = sys.modules.get("runforge.training.warmup")
    return frozenset() if warmup is None else warmup.EXECUTED


def look() -> list[Any]:
    """Return them as values that can be compared; nothing of a library that is not loaded."""
    return [*_of_numpy(), *_of_sklearn()]


def _of_numpy() -> list[Any]:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return []
    kind, keys, *rest = numpy.random.get_state()
    return [
        numpy.geterr(),
        numpy.geterrcall(),
        numpy.getbufsize(),
        numpy.get_printoptions(),
        kind,
        keys.tobytes(),
        rest,
    ]


def _of_sklearn() -> list[Any]:
    sklearn, parallel = sys.modules.get("sklearn"), sys.modules.get("sklearn.utils.parallel")
    if sklearn is None or parallel is None:
        return []
    # The libraries with threads of their own (BLAS, OpenMP), as scikit-learn has found them.
    libraries = parallel._get_threadpool_controller().lib_controllers  # noqa: SLF001
    return [sklearn.get_config(), [library.num_threads for library in libraries]]
