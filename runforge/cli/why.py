"""`runforge why`: what a run waits for and when it starts, when a group is done, when the queue is."""

from __future__ import annotations

from runforge import clock
from runforge.cli import output
from runforge.cli.options import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def why(targets: list[str], workspace: Path | None, as_json: bool, utc: bool) -> int:
    """Explain runs and groups; without a target, the whole queue."""
    from runforge.views import why as reasons
    from runforge.views import why_words

    if utc:
        clock.use_utc()
    answers = reasons.why(find(workspace), targets)
    if as_json:
        output.print_json("why", [answer.to_json() for answer in answers])
        return 0
    for place, answer in enumerate(answers):
        if place and not isinstance(answer, reasons.GroupAnswer):
            print()
        for line in why_words.lines(answer):
            print(output.safe(line, max(len(line), 1)))
    return 0
