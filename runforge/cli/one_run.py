"""Shows one run: what it does, how it stands, and what to look at if it failed. Without Typer, to start quickly."""

from __future__ import annotations

from runforge.cli import output, timeline
from runforge.core.states import State
from runforge.system import os
from runforge.views import run_facts
from runforge.views.labels import parameters_text
from runforge.views.quoting import quoted
from runforge.views.remarks import remarks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runforge.place import Place
    from runforge.views.kin import Relative
    from runforge.views.run_facts import Facts
    from runforge.views.shown import JobView, RunView
    from runforge.workspace import Workspace

#: How many lines of a failed run's log are shown.
_LOG_LINES = 10
#: How many parents, and how many children.
_RELATIVES = 10
_WIDTH = 10
Line = tuple[str, "str | None"]


def show(here: Workspace, names: Sequence[str], *, as_json: bool = False) -> int:
    """Show each run: its command, state, attempts, timeline, files."""
    from runforge.cli.listing import run_view  # the quick way has read it already

    if as_json:
        documents = [_document(here, run_view(here, name)) for name in names]
        one = documents[0] if len(documents) == 1 else None
        output.print_json("run" if one else "runs", one or documents)
        return 0
    print_runs(here, (run_view(here, name) for name in names))
    return 0


def print_runs(here: Workspace | Place, views: Iterable[RunView]) -> None:
    """Print all about each run for people."""
    for place, view in enumerate(views):
        if place:
            print()
        _print(here, view)


def _memory_text(here: Workspace | Place, job: JobView) -> str | None:
    """Return what memory a frozen run holds on its devices, which are asked for it."""
    if not (job.frozen_at and job.gpus):
        return None
    from runforge.views import pauses
    from runforge.workspace import of_place

    return pauses.memory_text(of_place(here), job.run_id, job.frozen_at)


def _document(here: Workspace, view: RunView) -> dict[str, object]:
    facts = _facts(here, view)
    from runforge.views import code as codes

    more = {"remarks": remarks(view.run_dir), "request": facts.to_json(), "log_end": _log_end(view)}
    return {**view.to_json(), **more, "code": codes.to_json(view.code)}


def _facts(here: Workspace | Place, view: RunView) -> Facts:
    return run_facts.read(view.request_file, here.root, view.request_sha)


def _log_end(view: RunView) -> list[str]:
    if view.job.state != State.FAILED.value:
        return []
    from runforge.views import log_end

    return log_end.last_lines(view.run_dir, _LOG_LINES)


def _print(here: Workspace | Place, view: RunView) -> None:
    facts = _facts(here, view)
    log = _log_end(view)
    doing = (*_doing(view, facts), ("GPU", _gpu_text(here, facts, view.job)))
    for label, value in (*_standing(here, view), *doing, *_kin(view), *_history(view)):
        if value:
            print(f"{label:<{_WIDTH}} {output.safe(value, max(len(value), 1))}")
    _print_attempts(here, view)
    if log:
        print("Log, its last lines")
        for line in log:
            print(f"  {line}")


def _standing(here: Workspace | Place, view: RunView) -> Iterator[Line]:
    """Yield who the run is and how it stands."""
    job = view.job
    why = job.waiting_text or _memory_text(here, job) or job.pause_text
    waits = f" ({why})" if why else ""
    yield "Run", job.run_id
    yield "Number", str(job.number)
    yield "Name", job.name
    yield "Tags", ", ".join(job.tags)
    yield "Notes", job.notes
    yield "Job", job.job_id
    yield "Group", (job.group_id or "none") + (f" ({view.sweep_ended})" if view.sweep_ended else "")
    yield "State", output.state_cell(job.state) + waits
    yield "Error", job.error
    yield "Metric", output.metric(job.metric_name, job.metric_value)
    for sentence in remarks(view.run_dir):
        yield "Remark", sentence


def _doing(view: RunView, facts: Facts) -> Iterator[Line]:
    """Yield what the run executes, and under which terms."""
    job = view.job
    yield "Request", facts.problem
    for index, line in enumerate(facts.command_lines):
        yield "" if index else "Command", line
    yield "Model", facts.family if facts.command is None else None
    yield "Starts in", facts.cwd
    yield "Parameters" if facts.command else "Overrides", parameters_text(job.overrides)
    yield "Environ", _environment_text(facts)
    yield "Code", _code_text(view)
    yield "Limit", _limit_text(facts)
    yield "Resumes", _resuming_text(job)
    for sentence in run_facts.rules_text(view.retry_rules, view.retries_used):
        yield "Retry", sentence
    yield "Needs", _needs_text(facts, job)
    yield "Priority", str(job.priority) if job.priority else ""
    yield "Not before", output.moment(job.not_before) if job.state == State.QUEUED.value else None


def _code_text(view: RunView) -> str | None:
    if view.code is None:
        return None
    from runforge.views import code as codes

    return codes.text(view.code)


def _environment_text(facts: Facts) -> str | None:
    if facts.command is None:
        return None
    environment = facts.environment or {}
    identity, source, secrets = (environment.get(name) for name in ("id", "from", "secrets"))
    parts = [f"{str(identity)[:12]}, see --env" if identity else "the daemon's"]
    if source:
        parts.append(f"and {source}")
    if isinstance(secrets, list) and secrets:
        parts.append(f"(not kept: {', '.join(map(str, secrets))})")
    return " ".join(parts)


def _limit_text(facts: Facts) -> str:
    limit = f"{output.duration(facts.timeout_seconds)} from its start" if facts.timeout_seconds else ""
    grace = (
        "" if facts.grace_seconds is None else f"{output.duration(facts.grace_seconds)} to end when stopped"
    )
    return ", ".join(part for part in (limit, grace) if part)


def _resuming_text(job: JobView) -> str:
    """Return whether a run can go on later, how often it has made room, and what becomes of it if it is lost."""
    can = "from its checkpoints" if job.resumable else ""
    times = f"has yielded {job.yields} time{'s' if job.yields > 1 else ''}" if job.yields else ""
    lost = f"if lost: {job.on_lost}" if job.on_lost else ""
    return ", ".join(part for part in (can, times, lost) if part)


def _needs_text(facts: Facts, job: JobView) -> str:
    """Return the resources that a run asks for, if it asks for any."""
    asked = facts.resources or {}
    words = [f"{job.gpus} GPU{'s' if job.gpus > 1 else ''}"] if job.gpus else []
    if job.vram_mb:
        learned = " (learned)" if asked.get("vram_mb") == "learned" else ""
        words.append(f"{job.vram_mb} MB of {'each' if job.gpus > 1 else 'it'}{learned}")
    elif asked.get("vram_mb"):
        words.append("whole" if job.gpus == 1 else "all whole")
    pins = asked.get("devices")
    if isinstance(pins, list) and pins:
        words.append(f"only {', '.join(map(str, pins))}")
    units = {"cpus": "CPUs", "mem_mb": "MB of memory"}
    words += [f"{asked[name]} {unit}" for name, unit in units.items() if asked.get(name)]
    return ", ".join(words)


def _gpu_text(here: Workspace | Place, facts: Facts, job: JobView) -> str:
    """Return what a run is told that sees no GPU where there are some, and has not said that it needs none."""
    if job.gpus or facts.command is None or (facts.resources or {}).get("gpus") == 0:
        return ""
    from runforge.views.daemon_told import has_gpus  # few runs ask for none

    return "sees no GPU; -G 1 asks for one" if has_gpus(here) else ""


def _kin(view: RunView) -> Iterator[Line]:
    for label, relatives in (("After", view.parents), ("Before", view.children)):
        yield from ((label, _relative(relative)) for relative in relatives[:_RELATIVES])
        if len(relatives) > _RELATIVES:
            yield label, f"and {len(relatives) - _RELATIVES} more; --json has them"


def _relative(relative: Relative) -> str:
    how = {"ok": "has succeeded", "fail": "has failed", "any": "has ended"}[relative.condition]
    name = f" {relative.name}" if relative.name and relative.kind == "run" else ""
    state = output.state_cell(relative.state) if relative.state else "not in the queue any more"
    return f"{relative.called}{name}  {state}  (once it {how})"


def _history(view: RunView) -> Iterator[Line]:
    job = view.job
    yield "Created", output.moment_and_age(job.created_at)
    yield "Started", output.moment_and_age(job.started_at)
    yield "Finished", output.moment_and_age(job.finished_at)
    yield "Time", output.duration(job.seconds)
    yield "Folder", view.run_dir
    yield "Files", ", ".join(sorted(os.listdir(view.run_dir))) if os.path.isdir(view.run_dir) else "missing"


def _called(here: Workspace | Place) -> dict[str, str]:
    from runforge.views import daemon_told, device_names  # few runs have devices

    return device_names.called(daemon_told.gpus(here))


def _print_attempts(here: Workspace | Place, view: RunView) -> None:
    names = _called(here) if any(attempt.devices for attempt in view.attempts) else {}
    for attempt in view.attempts:
        how = attempt.cause or ("running" if attempt.is_here or attempt.begun_at else "waiting")
        when = output.moment(attempt.started_at)
        print(f"Attempt {attempt.attempt}  {when}  {how}  {output.safe(attempt.error or '')}")
        if attempt.devices:
            named = [f"{names[each]} ({each})" if each in names else each for each in attempt.devices]
            print(f"  on {output.safe(', '.join(named), 400)}")
        if attempt.place is not None:
            print(
                f"  {output.safe(attempt.place)}{f' on {output.safe(attempt.node)}' if attempt.node else ''}"
            )
        if attempt.used is not None:
            from runforge.views.used import used_text

            print(f"  used {used_text(attempt.used)}")
    print("Timeline")
    for line in timeline.lines(view.timeline):
        print(f"  {line}")


def environment(here: Workspace, name: str, *, as_json: bool = False) -> int:
    """Print the stored environment of a run, with masked secrets, as words for a shell."""
    from runforge.cli.listing import run_view
    from runforge.views import environment as environments  # few calls want it

    view = run_view(here, name)
    job = view.job
    variables = environments.masked(environments.stored(here, job.env_id)) if job.env_id else {}
    facts = _facts(here, view)
    about = facts.environment or {}
    if as_json:
        output.print_json("environment", {"run_id": job.run_id, **about, "variables": variables})
        return 0
    if job.env_id is None:
        output.note(f"{job.run_id} has no environment of its own: it gets the daemon's")
    for variable, value in variables.items():
        print(f"{output.safe(variable)}={quoted(value)}")
    for secret in _texts(about.get("secrets")):
        output.note(f"Not kept: {secret}; it comes from the daemon or from --env-from")
    return 0


def _texts(value: object) -> Sequence[str]:
    return [str(part) for part in value] if isinstance(value, list) else []
