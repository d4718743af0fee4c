"""The answers of `why` on what has not ended, in words."""

from __future__ import annotations

from runforge import cells, clock
from runforge.text import safe
from runforge.views.estimate import Estimate
from runforge.views.labels import ended_runs, label, pause_words, sweep_words
from runforge.views.why_answers import GroupAnswer, RunAnswer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.views.why_answers import Answer, QueueAnswer
    from runforge.views.why_parts import Awaited, Holder

_MOST_HOLDERS = 8
_MOST_NUMBERS = 5
_ASKED = {
    "no_gpu_slot": ("GPU is", "GPUs are"),
    "no_cpus": ("CPU is", "CPUs are"),
    "no_memory": ("MB of memory is", "MB of memory are"),
}
#: Nobody here knows when these end: a person decides, or a cluster.
_FOR_OTHERS = {"held", "group_paused", "no_daemon", "slurm"}
_LIKE = {"recipe": "like this one", "group": "of its group"}


def lines(answer: Answer) -> list[str]:
    """Return an answer as lines: on a group, on the queue, or on a run that waits or runs."""
    if isinstance(answer, RunAnswer):
        who = f"{answer.job.number} {label(answer.job)}"
        return _queued(answer, who) if answer.job.state == "queued" else _running(answer, who)
    if isinstance(answer, GroupAnswer):
        return _group(answer, len(answer.group.name))
    return _queue(answer)


def about(time: str | None, latest: str | None, unknown: str) -> str:
    """Return `about 14:32, at the latest 15:10`, or that it is not known."""
    if time is None:
        return unknown
    about_then, at_the_latest = clock.local_ahead(time), clock.local_ahead(latest or time)
    late = "" if at_the_latest == about_then else f", at the latest {at_the_latest}"
    return f"about {about_then}{late}"


def based(estimate: Estimate, *, of_many: bool = False) -> str:
    """Return on what an estimate is based."""
    if estimate.basis == "progress":
        return "by its own progress"
    runs = "1 run" if estimate.runs == 1 else f"{estimate.runs} runs"
    return f"from {runs} {'like these' if of_many else _LIKE.get(estimate.basis, 'like it')}"


# --- a run -----------------------------------------------------------------------------------------


def _queued(answer: RunAnswer, who: str) -> list[str]:
    found = [f"{who} {_reason(answer)}"]
    found += [f"  {_holder(each)}" for each in answer.holders[:_MOST_HOLDERS]]
    if len(answer.holders) > _MOST_HOLDERS:
        found.append(f"  and {len(answer.holders) - _MOST_HOLDERS} more")
    for other in answer.strangers[:_MOST_HOLDERS]:
        found.append(f"  GPU {other.number} {other.name}  {other.text}, no end known")
    for each in answer.parents[:_MOST_HOLDERS]:
        found.append(f"  {each.parent.called} {each.parent.state or ''}, {_until(each)}".replace(" ,", ","))
    last = []
    if answer.before:
        place = "same group" if answer.job.group_id else "also without a group"
        last.append(f"Before it: {_numbers(answer.before)} ({place}).")
    if answer.job.waiting not in _FOR_OTHERS:
        last.append(_times(answer.estimate))
    others = [each for each in answer.instead if f"`runforge {each}`" not in found[0]]
    if others:
        last.append(f"Or: {'; '.join(others)}")
    found += [" ".join(last)] if last else []
    return [*found, f"Slurm: {safe(answer.note)}"] if answer.note else found


def _reason(answer: RunAnswer) -> str:
    job = answer.job
    words = _ASKED.get(job.waiting or "")
    if words is not None and answer.asked is not None and answer.free is not None:
        return f"waits: {answer.asked} {words[answer.asked != 1]} asked for, {_free(answer.free)}"
    text = job.waiting_text or "nothing: it starts next"
    return text if text.startswith(("waits ", "starts ")) else f"waits: {text}"


def _free(count: int) -> str:
    return f"{count or 'none'} {'is' if count < 2 else 'are'} free"


def _holder(each: Holder) -> str:
    place = ", ".join(each.called) or (f"slot {each.slot}" if each.slot is not None else "")
    return f"{place}  {each.number} {each.name}, {_until(each)}".strip()


def _until(each: Holder | Awaited) -> str:
    return f"until {about(each.until, each.until_latest, '')}" if each.until else "no end known"


def _numbers(numbers: tuple[int, ...]) -> str:
    more = f" and {len(numbers) - _MOST_NUMBERS} more" if len(numbers) > _MOST_NUMBERS else ""
    return ", ".join(map(str, numbers[:_MOST_NUMBERS])) + more


def _times(estimate: Estimate) -> str:
    if estimate.starts_at is None:
        return "When it starts is not known: there is no run like those before it."
    start = f"Starts {about(estimate.starts_at, estimate.starts_at_latest, '')}"
    if estimate.ends_at is None:
        return f"{start}; how long it takes is not known."
    return f"{start}; ends {about(estimate.ends_at, estimate.ends_at_latest, '')} ({based(estimate)})."


def _running(answer: RunAnswer, who: str) -> list[str]:
    job = answer.job
    going = answer.going.progress if answer.going is not None else None
    parts = [f"{who} runs, for {cells.span(job.seconds)}"]
    if going is not None and going.epochs:
        parts.append(f"epoch {going.epoch} of {going.epochs}")
    elif going is not None and going.steps:
        parts.append(f"step {going.step} of {going.steps}")
    if going is not None and going.metric is not None:
        parts.append(f"{going.metric} {cells.number(going.value)}")
    if job.cancel_requested:
        parts.append("it is being stopped")
    found = [", ".join(parts)]
    if job.waiting_text:
        found.append(job.waiting_text)
    if answer.estimate.ends_at is None:
        return [*found, "When it ends is not known: it tells no progress, and no run like it has succeeded."]
    until = about(answer.estimate.ends_at, answer.estimate.ends_at_latest, "")
    return [*found, f"Ends {until} ({based(answer.estimate)})."]


# --- groups and the queue --------------------------------------------------------------------------


def _group(answer: GroupAnswer, width: int) -> list[str]:
    group = answer.group
    left = group.total - ended_runs(group)
    head = f"{group.name:<{width}}  {left} of {group.total} left"
    more = [f"  {ended}"] if (ended := sweep_words(group)) else []
    if not left:
        return [f"{group.name:<{width}}  {group.status}: nothing is left of {group.total}", *more]
    if group.paused:
        return [f"{head}  {pause_words(group)}; `runforge resume {group.group_id}` ends that", *more]
    return [f"{head}  {_done(answer.estimate)}", *more]


def _done(estimate: Estimate) -> str:
    if estimate.ends_at is None:
        return "no estimate: not all of it has runs like it that have succeeded, or can start"
    return f"done {about(estimate.ends_at, estimate.ends_at_latest, '')} ({based(estimate, of_many=True)})"


def _queue(answer: QueueAnswer) -> list[str]:
    if not answer.left:
        return ["The queue is empty"]
    width = max([len("queue"), *(len(each.group.name) for each in answer.groups)])
    found = [line for each in answer.groups for line in _group(each, width)]
    runs = "1 run" if answer.left == 1 else f"{answer.left:,} runs"
    found.append(f"{'queue':<{width}}  {runs} left  {_done(answer.estimate)}")
    if answer.put_aside:
        found.append(f"{answer.put_aside:,} of them wait for a person: held, or in a paused group")
    if not answer.daemon.is_live:
        found.append("No daemon is running: nothing starts; `runforge daemon --detach` starts one")
    if answer.daemon.backend_note is not None:
        found.append(f"Slurm: {safe(answer.daemon.backend_note)}")
    return found
