"""Reads one question from standard input and prints the suggestions as the last line of its output.

The question (version 1): `space` as in a plan, `seed`, `direction`, `count`, and the `trials` so far, each with
`values` by path, `state` (complete, failed, pruned, running), `value`, and `steps` of those that were stopped.
The answer: {"suggestions": [values by path, ...]}. If it cannot be given, the last line says why, and the exit code is
not 0. It ends with whoever asks, and by itself in time.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from runforge.machine import os_process

#: Whoever asks waits this long, too.
SECONDS = 60
_VERSION = 1


def main() -> None:
    """Answer one question."""
    os_process.die_with_parent(os.getppid())  # a stopped process hears no alarm
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS + 5)
    try:
        answer = _suggestions(json.load(sys.stdin))
    except ImportError as error:
        sys.exit(f"Optuna is not there ({error}); pip install 'runforge[optuna]'")
    except Exception as error:  # noqa: BLE001 - a process ends here, and its last line is what people see
        sys.exit(f"{type(error).__name__}: {error}".replace("\n", " "))
    print(f"\n{json.dumps({'suggestions': answer})}", flush=True)


def _suggestions(question: dict[str, Any]) -> list[dict[str, Any]]:
    if question["version"] != _VERSION:
        raise ValueError(f"version {question['version']} of the question is not known")
    from runforge.sampler import tpe  # takes half a second

    return tpe.suggest(question)


if __name__ == "__main__":
    main()
