"""What `submit` tells: how many runs, the first one's command, why it waits; the same as JSON; and the dry run."""

from __future__ import annotations

from runforge.cli import output
from runforge.documents import doubts
from runforge.documents.placeholders import filled
from runforge.documents.request_options import is_learned, says_none
from runforge.errors import Missing
from runforge.queue import environment_words
from runforge.views import lists
from runforge.views.daemon_told import has_gpus
from runforge.views.quoting import command_line
from runforge.views.why_live import estimate_of
from runforge.views.why_live_words import about, based

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runforge.documents.request import Request
    from runforge.queue.ordering import Order, Prepared
    from runforge.queue.submitting import Submitted
    from runforge.views.estimate import Estimate
    from runforge.workspace import Workspace

#: A longer queue would make `submit` wait for its own estimate.
_MOST_ESTIMATED = 500
#: A run that never started has no log.
NoLog = Missing


def line_of(request: Request) -> str:
    """Return the command that a run executes, as a shell reads it; an empty text for a model family."""
    return command_line(filled(request)) if request.command else ""


def remarks(here: Workspace, order: Order, prepared: Prepared, made: Submitted) -> Estimate | None:
    """Tell on standard error what was queued, what may be a mistake, why it waits, and when it is done; return that."""
    _warn(order, prepared)
    first, which = made.first_number, _which(made)
    group = ""
    if order.submission.group is not None:
        group = f"; {'new group' if made.is_new_group else 'group'} {made.group_id}"
    captured = order.environment
    where = (
        f"; {environment_words.summary(captured, environment_words.names_of_daemon(here))}"
        if captured
        else ""
    )
    output.note(f"{which}{group}{where}")
    line = line_of((made.sifted.new or prepared.shown)[0].request)
    if line:
        output.note(f"{_first(made)}: {line}")
    for sentence in _about_gpus(here, prepared, made):
        output.note(sentence)
    waiting = _waiting(here, made)
    if waiting is not None:
        reason, text = waiting
        start = "; `runforge daemon --detach` starts one" if reason == "no_daemon" else ""
        says_what = text.startswith(("waits ", "starts "))
        if text.startswith("they "):
            output.note(f"the runs wait: {text}")
        else:
            output.note(f"{first} {text}" if says_what else f"{first} waits: {text}{start}")
    return _estimate(here, made)


def _estimate(here: Workspace, made: Submitted) -> Estimate | None:
    """Tell when the run or its group is done, as far as that is known."""
    if not made.job_ids:
        return None
    found = estimate_of(here, made.job_ids[0], made.group_id, _MOST_ESTIMATED)
    if found is not None:
        what = str(made.first_number) if made.group_id is None else f"group {made.group_id}"
        done = about(found.ends_at, found.ends_at_latest, "")
        output.note(f"{what} is done {done} ({based(found, of_many=made.group_id is not None)})")
    return found


def _which(made: Submitted) -> str:
    """Return what was queued: how many runs with which numbers, which ones were known, and how many are to come."""
    count, first = len(made.run_ids), made.first_number
    if made.to_come:
        number = "1 trial" if made.to_come == 1 else f"{made.to_come:,} trials"
        return f"{number} to come: the daemon makes each when it can learn from the earlier ones"
    if not made.sifted.known and not made.sifted.doubles:
        return f"1 run, {first}" if count == 1 else f"{count:,} runs, {first}-{first + count - 1}"
    numbers = f", {first}" if count == 1 else f", {first}-{first + count - 1}" if count else ""
    return made.sifted.words(str(made.group_id)) + numbers


def _first(made: Submitted) -> str:
    if made.to_come:
        return "a command like theirs"
    return "command" if len(made.run_ids) == 1 else "first command"


def _about_gpus(here: Workspace, prepared: Prepared, made: Submitted) -> Iterator[str]:
    """Yield what a person should know: runs without a GPU although there are some, and memory that is not known yet."""
    request = prepared.shown[0].request
    if not request.needs.gpus and request.command and not says_none(request.raw) and has_gpus(here):
        which = str(made.first_number) if len(made.run_ids) == 1 else "these runs"
        yield f"{which} see{'s' if len(made.run_ids) == 1 else ''} no GPU; -G 1 asks for one, -G 0 says that none is needed"
    if is_learned(request.raw.get("resources")) and not lists.run(here, made.run_ids[0]).job.vram_mb:
        yield "too few runs of this recipe are known to learn from: until two have succeeded, each gets whole GPUs"


def _warn(order: Order, prepared: Prepared) -> None:
    for line in doubts.warnings(prepared.doubts(), order.where):
        output.note(line)


def _waiting(here: Workspace, made: Submitted) -> tuple[str, str] | None:
    """Return why the first run waits, as a reason and in words; None if it does not."""
    if not made.run_ids:
        return None
    job = lists.run(here, made.run_ids[0]).job
    if job.state != "queued" or job.waiting in {None, "turn_of_others"}:  # the daemon is about to start it
        return None
    if job.waiting == "held" and made.group_id is not None and len(made.run_ids) > 1:
        return "held", f"they are held; `runforge release {made.group_id}` lets them start"
    return str(job.waiting), job.waiting_text or str(job.waiting)


def document(here: Workspace, order: Order, made: Submitted, estimate: Estimate | None) -> dict[str, Any]:
    """Return the answer for `--json`."""
    waiting = _waiting(here, made)
    runs = [
        {
            "number": made.first_number + index,
            "run_id": run_id,
            "job_id": job_id,
            **_planned(run.overrides, run.request),
        }
        for index, (run_id, job_id, run) in enumerate(
            zip(made.run_ids, made.job_ids, made.sifted.new, strict=True)
        )
    ]
    return {
        "dry_run": False,
        "group_id": made.group_id,
        "is_new_group": made.is_new_group,
        "runs": runs,
        "known": [run._asdict() for run in made.sifted.known],
        "to_come": made.to_come,
        "waiting": None if waiting is None else {"reason": waiting[0], "text": waiting[1]},
        "estimate": None if estimate is None else estimate.to_json(),
        "environment": _environment(here, order),
    }


def _environment(here: Workspace, order: Order) -> dict[str, Any] | None:
    captured = order.environment
    if captured is None:
        return None
    lacking = environment_words.lacking(captured, environment_words.names_of_daemon(here))
    return {
        "id": captured.id,
        "variables": len(captured.variables),
        "not_kept": list(captured.secrets),
        "lacking": list(lacking),
    }


def _planned(overrides: dict[str, Any], request: Request) -> dict[str, Any]:
    return {"command": list(filled(request)) if request.command else None, "overrides": overrides}


def dry_run(order: Order, prepared: Prepared, *, as_json: bool) -> int:
    """Print what would run; nothing is changed."""
    if as_json:
        runs = [_planned(run.overrides, run.request) for run in prepared.shown]
        output.print_json("submit", {"dry_run": True, "runs": runs})
        return 0
    if order.search is not None and not prepared.runs:
        output.note(
            f"{order.search.number * order.repeat:,} trials would be made one after the other, such as:"
        )
    for run in prepared.shown:
        line = line_of(run.request)
        print(output.safe(line or _words(run.overrides, run.request)))
    _warn(order, prepared)
    count = len(prepared.runs) or order.search.number * order.repeat if order.search else len(prepared.runs)
    output.note(f"{'1 run' if count == 1 else f'{count:,} runs'} would be queued; nothing was changed")
    return 0


def _words(overrides: dict[str, Any], request: Request) -> str:
    """Return a run of a model family in words: the family, and what the sweep varies."""
    varied = [f"{path.removeprefix('model.hyperparameters.')}={value}" for path, value in overrides.items()]
    return " ".join([request.family, *varied])
