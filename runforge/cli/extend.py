"""`runforge extend`: lets a sweep go on, with more values or more trials."""

from __future__ import annotations

from pathlib import Path

from runforge.cli import output, submit_told
from runforge.cli.options import find
from runforge.queue import extending
from runforge.queue.extending import Extended
from runforge.sweeps import values


def extend(
    group: str,
    sweep: list[str] | None,
    number: int | None,
    max_runs: int,
    as_json: bool,
    workspace: Path | None,
) -> int:
    """Queue what is new in a sweep with more values, or with more trials."""
    here = find(workspace)
    axes = [values.parse(text) for text in sweep or []]
    done = extending.extend(here, group, axes, number, max_runs=max_runs)
    if as_json:
        output.print_json("extended", _document(done))
        return 0
    if done.ended is not None:
        output.note(f"WARNING: the space is exhausted: {done.ended}")
    elif done.is_searched and number is None and not done.to_come:
        output.note("The space is as you wish; -n N makes trials in it")
    print(_answer(done))
    return 0


def _answer(done: Extended) -> str:
    if done.to_come:
        number = "1 trial" if done.to_come == 1 else f"{done.to_come:,} trials"
        return f"{number} of {done.group.group_id} to come"
    return submit_told.answer(done.sifted, done.group.group_id)


def _document(done: Extended) -> dict[str, object]:
    return {
        "group_id": done.group.group_id,
        "runs": list(done.run_ids),
        "known": [run._asdict() for run in done.sifted.known],
        "to_come": done.to_come,
    }
