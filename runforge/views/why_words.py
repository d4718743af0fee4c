"""The answers of `why` in words, for the command and the terminal UI. Light: of what has ended this says all."""

from __future__ import annotations

from runforge import cells
from runforge.views.labels import label
from runforge.views.why_answers import RunAnswer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.views.why_answers import Answer


def lines(answer: Answer) -> list[str]:
    """Return an answer as lines."""
    if not isinstance(answer, RunAnswer) or answer.job.state in {"queued", "running"}:
        from runforge.views.why_live_words import lines as lines_of_live

        return lines_of_live(answer)
    job = answer.job
    after = f" after {cells.span(job.seconds)}" if job.seconds is not None else ""
    said = f": {job.error}" if job.error else ""
    was = "was" if job.state == "canceled" else "has"
    return [f"{job.number} {label(job)} {was} {job.state}{after}{said}"]
