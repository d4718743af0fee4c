"""`runforge why`: what a run waits for and when it starts, when a group is done, when the queue is."""

from __future__ import annotations

from runforge import clock
from runforge.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runforge.views.why_answers import Answer


def why(targets: list[str], workspace: Path | None, as_json: bool, utc: bool) -> int:
    """Explain runs and groups; without a target, the whole queue."""
    from runforge.cli.options import find  # the quick way has found it
    from runforge.views import why as reasons

    if utc:
        clock.use_utc()
    answers = reasons.why(find(workspace), targets)
    if as_json:
        output.print_json("why", [answer.to_json() for answer in answers])
        return 0
    print_answers(answers)
    return 0


def print_answers(answers: Sequence[Answer]) -> None:
    """Print answers for people: groups one below the other, each run apart."""
    from runforge.views import why_words
    from runforge.views.why_answers import GroupAnswer

    for place, answer in enumerate(answers):
        if place and not isinstance(answer, GroupAnswer):
            print()
        for line in why_words.lines(answer):
            print(output.safe(line, max(len(line), 1)))
