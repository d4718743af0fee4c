"""Runs that prove, independent of RunForge, when they started and how they ended.

Each appends one short line to the witness file: `START run attempt`, later `END run attempt code`. The
file lies outside the workspace, so nothing that RunForge loses or writes can change what it says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Arguments: witness, seconds, exit code, kind (plain, stubborn, forking, keeping, saving, telling: its seconds are
#: its metric `loss`, flaky: the first attempt alone fails, beating: it says every 0.3 seconds that it lives, so many
#: times as there are seconds).
_PROGRAM = """
[ "$3" = stubborn ] && trap '' TERM
[ "$3" = forking ] && (setsid sh -c 'sleep 300' >/dev/null 2>&1 & )
code=$2
[ "$3" = flaky ] && [ "$RUNFORGE_ATTEMPT" -gt 1 ] && code=0
note() { printf '%s %s %s%s\\n' "$1" "$RUNFORGE_RUN_ID" "$RUNFORGE_ATTEMPT" "$2" >>"$witness"; }
witness=$0 seconds=$1
note START ''
[ "$3" = telling ] && echo "[RF:METRIC=loss $seconds]"
if [ "$3" = saving ]; then
    saved=$RUNFORGE_CHECKPOINT_DIR/saved
    [ -n "$RUNFORGE_RESUME" ] && [ -e "$saved" ] && seconds=0
    trap 'echo "$RUNFORGE_ATTEMPT" >"$saved"; exit 0' TERM
    sleep "$seconds" & wait $!
elif [ "$3" = beating ]; then
    beats=0
    while [ "$beats" -lt "$seconds" ]; do
        note BEAT ''
        sleep 0.3
        beats=$((beats + 1))
    done
else
    sleep "$seconds"
fi
[ "$3" = keeping ] && mkdir -p "$RUNFORGE_RUN_DIR/artifacts" && echo "$code" >"$RUNFORGE_RUN_DIR/artifacts/code"
note END " $code"
exit "$code"
"""


@dataclass(slots=True)
class Seen:
    """What the witness saw of one attempt."""

    starts: int = 0
    codes: list[int] = field(default_factory=list)
    first_start: int | None = None
    #: Of its end, or of its last sign of life.
    last_end: int | None = None


#: run -> attempt -> what was seen.
Sightings = Mapping[str, Mapping[int, Seen]]


def command(witness: Path) -> list[str]:
    """Return the command of a run whose hyperparameters are `seconds`, `code` and `kind`."""
    return ["/bin/sh", "-c", _PROGRAM, str(witness), "{seconds}", "{code}", "{kind}"]


def read(witness: Path) -> Sightings:
    """Return what the witness saw, in the order of its lines."""
    seen: dict[str, dict[int, Seen]] = defaultdict(lambda: defaultdict(Seen))
    for number, line in enumerate(_lines(witness)):
        word, run_id, attempt, *code = line.split()
        one = seen[run_id][int(attempt)]
        if word == "START":
            one.starts += 1
            one.first_start = number if one.first_start is None else one.first_start
        else:
            one.codes += map(int, code)
            one.last_end = number
    return seen


def started(witness: Path) -> list[str]:
    """Return the runs in the order of their starts, one entry for each start."""
    return [line.split()[1] for line in _lines(witness) if line.startswith("START ")]


def ended(witness: Path) -> list[str]:
    """Return the runs in the order in which they ended by themselves."""
    return [line.split()[1] for line in _lines(witness) if line.startswith("END ")]


def _lines(witness: Path) -> list[str]:
    try:
        return witness.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
