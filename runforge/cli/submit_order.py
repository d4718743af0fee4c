"""Makes the order from the options of `submit`: the request, the sweep, and how the jobs are queued. Changes nothing."""

from __future__ import annotations

from runforge import __version__, clock
from runforge.cli.submit_command import checked_command, default_name, is_utf8, require_named
from runforge.config import WHEN
from runforge.core.retrying import is_change
from runforge.core.submission import Submission
from runforge.documents.request import MOST_GRACE_SECONDS
from runforge.documents.request_options import (
    LEARNED,
    RETRY_CAUSES,
    USUAL_BACKOFF_SECONDS,
    USUAL_RETRY_CAUSES,
    stop_of,
)
from runforge.errors import InvalidRequest, Missing
from runforge.later import module, re
from runforge.queue.environment import Captured, capture
from runforge.queue.ordering import NOTHING_USUAL, After, Order, Usual
from runforge.system import os
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.cli import gpu_names, submit_sweep, units
    from runforge.cli.submit_given import Given
    from runforge.paths import Path
else:
    submit_sweep = module("runforge.cli.submit_sweep")
    gpu_names = module("runforge.cli.gpu_names")
    units = module("runforge.cli.units")

_MOST_RETRIES = 1000
_CONDITIONS = ("ok", "any", "fail")


def order_of(given: Given, usual: Usual = NOTHING_USUAL) -> Order:
    """Return what the options ask for; InvalidRequest, InvalidPlan or Missing with what is wrong.

    `usual` is what a new group gets.
    """
    _require_together(given)
    sweep, search = submit_sweep.sweep_and_search(given) if given.is_about_sweeps else (None, None)
    objective = None if given.metric is None else submit_sweep.objective_of(given.metric)
    request = _request(given)
    is_command = request["model"].get("family") == "command"
    name = _name(given, request)
    request["name"] = name
    captured = _environment(given, request, is_command=is_command)
    if captured is not None:
        request["environment"] = captured.document()
    if sweep is None and objective is not None:
        request["objective"] = objective._asdict()
    if is_command:
        require_named(request, sweep.keys if sweep else [], reads_file=given.params is not None)
    return Order(
        request=request,
        name=name,
        submission=Submission(
            group=given.group,
            priority=given.priority,
            held=given.hold,
            not_before=None if given.at is None else units.moment(given.at, "--at"),
            notify=notify_of(given.notify),
        ),
        sweep=sweep,
        search=search,
        repeat=given.repeat,
        allow_duplicates=given.allow_duplicates,
        stop=stop_of(given.stop),
        keep=given.keep_artifacts,
        environment=captured,
        after=tuple(after_of(text) for text in given.after),
        run_limit=given.max_parallel,
        usual=usual,
        breaker=breaker_of(given.breaker),
        objective=objective,
        max_runs=given.max_runs,
        where="submit" if given.request is None else _shown(given.request),
    )


def _shown(request: Path) -> str:
    from runforge.files.given import shown

    return shown(request)


def _require_together(given: Given) -> None:
    """Refuse options that mean nothing without others."""
    is_sweep = bool(given.sweep or given.rows or given.zipped)
    if given.command and given.request is not None:
        raise InvalidRequest("a command and --request are given", fix="Give one of the two")
    if given.shell and given.request is not None:
        raise InvalidRequest("--shell is about a command", fix='In the request, write "shell": true in model')
    if given.max_parallel is not None and given.group is None and not is_sweep:
        raise InvalidRequest("--max-parallel limits a group", fix="Add -g GROUP or -S KEY=VALUES")
    if given.breaker is not None and given.group is None and not is_sweep:
        raise InvalidRequest("--breaker guards a group", fix="Add -g GROUP or -S KEY=VALUES")
    if given.backoff is not None and not given.retry:
        raise InvalidRequest("--backoff is about retries", fix="Add --retry N")
    if given.follow and is_sweep:
        raise InvalidRequest("--follow prints the log of one run", fix="Use --wait for a sweep")
    if given.params not in {None, "file"}:
        fix = "Write --params file if the program reads $RUNFORGE_PARAMS"
        raise InvalidRequest(f"--params {given.params!r:.60} is unknown", fix=fix)
    for option, text in (("-n", given.name), ("-g", given.group), *(("--tag", tag) for tag in given.tag)):
        if text is not None and not text.strip():
            raise InvalidRequest(f"{option} is empty", fix="Give a name, or leave the option out")


def breaker_of(text: str | None) -> int | None:
    """Return how many equal failures in a row pause the group; 0 for `off`, None if it was not said."""
    if text is None or text == "off":
        return None if text is None else 0
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise InvalidRequest(
            f"--breaker {text[:40]!r} is no number", fix="Write --breaker 5, or --breaker off"
        )
    return int(text)


def after_of(text: str) -> After:
    """Return what `TARGET[:ok|any|fail]` means."""
    target, colon, condition = text.rpartition(":")
    if not colon and text:
        return After(text)
    if not target:
        raise InvalidRequest(
            "it names nothing to wait for",
            where=f"--after {text[:60]}",
            fix="Write TARGET, such as 12 or @last",
        )
    if condition in _CONDITIONS:
        return After(target, condition)
    hint = did_you_mean(condition, _CONDITIONS)
    raise InvalidRequest(
        f"{condition[:40]!r} is no way to end",
        where=f"--after {text[:60]}",
        fix=hint or "Write TARGET, TARGET:any or TARGET:fail",
    )


def notify_of(text: str | None) -> str | None:
    """Return when a run tells of itself, checked."""
    if text is None or text in WHEN:
        return text
    fix = did_you_mean(text, WHEN) or f"Write {', '.join(WHEN[:-1])} or {WHEN[-1]}"
    raise InvalidRequest(f"{text[:40]!r} is unknown", where="--notify", fix=fix)


# --- the request -----------------------------------------------------------------------------------


def _request(given: Given) -> dict[str, Any]:
    """Return the request of the command line, or that of the file with what the options add."""
    if given.request is not None:
        from runforge.documents.request_file import read_given_document

        request = read_given_document(given.request)
        if not isinstance(request.get("model"), dict) or not isinstance(request.get("device"), dict):
            from runforge.documents.request import parse_request

            parse_request(request, where=_shown(given.request))  # says what is missing
    else:
        folder = folder_of(given.folder)
        words = checked_command(given.command, is_shell=given.shell, folder=folder)
        model: dict[str, Any] = {
            "family": "command",
            "command": words,
            "hyperparameters": {},
            "folder": folder,
        }
        request = {
            "version": 1,
            "preset": "custom",
            "model": {**model, **({"shell": True} if given.shell else {})},
            "device": {"type": "cpu"},
            "created_at": clock.now(),
            "created_by": f"runforge@{__version__}",
        }
    if given.request is not None and given.folder is not None:
        request["model"].pop("cwd", None)
        request["model"]["folder"] = folder_of(given.folder)
    return {
        **request,
        **_device(given, request),
        **limits_of(given),
        **_resuming(given),
        **described_of(given),
    }


def _resuming(given: Given) -> dict[str, Any]:
    if given.resumable is None and given.on_lost is None:
        return {}
    from runforge.cli.resuming import resuming

    return resuming(given.resumable, given.on_lost)


def folder_of(given: Path | None) -> str:
    """Return the folder in which a command starts, checked."""
    try:
        folder = os.path.abspath(given) if given is not None else os.getcwd()
    except FileNotFoundError:
        raise Missing("the current folder is gone", fix="Change to another one, or give -C DIR") from None
    if not os.path.isdir(folder):
        raise Missing(f"there is no folder {folder}", where="-C", fix="Check the path")
    if not is_utf8(folder):
        raise InvalidRequest("the folder's name is not UTF-8", where="-C", fix="Rename it")
    return folder


def _device(given: Given, request: dict[str, Any]) -> dict[str, Any]:
    """Return the device and the resources, as far as they are asked for."""
    pins = gpu_names.uuids(given.gpu) if given.gpu else []
    gpus = given.gpus
    if gpus is None and (pins or given.vram is not None) and request["device"].get("type") != "gpu":
        gpus = 1  # what belongs to a GPU means that the run needs one
    asked = {
        "cpus": given.cpus,
        "gpus": gpus,
        "vram_mb": vram_of(given.vram),
        "devices": pins or None,
        "mem_mb": None if given.mem is None else units.size_mb(given.mem, "--mem"),
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    found: dict[str, Any] = {}
    if gpus is not None:
        found["device"] = {**request["device"], "type": "gpu" if gpus else "cpu"}
    if asked:
        before = request.get("resources")
        found["resources"] = {**(before if isinstance(before, dict) else {}), **asked}
    return found


def vram_of(text: str | None) -> int | str | None:
    """Return what `10G` or `learned` means in a request."""
    if text is None or text == LEARNED:
        return text
    return units.size_mb(text, "--vram")


def limits_of(given: Given) -> dict[str, Any]:
    """Return time limit, grace, retries and metrics as fields of a request, as far as they are given."""
    found: dict[str, Any] = {} if given.metrics is None else {"metrics": given.metrics}
    if given.time is not None:
        found["timeout_seconds"] = units.duration(given.time, "-t", least=1e-3)
    if given.grace is not None:
        found["grace_seconds"] = units.duration(given.grace, "--grace")
        if found["grace_seconds"] > MOST_GRACE_SECONDS:
            raise InvalidRequest(f"--grace {given.grace[:40]} is too long", fix="Give at most 1h")
    if given.stall is not None:
        found |= stall_of(given.stall)
    if given.retry:
        pause = USUAL_BACKOFF_SECONDS if given.backoff is None else units.duration(given.backoff, "--backoff")
        found["retry"] = [rule_of(text, pause) for text in given.retry]
    return found


def stall_of(text: str) -> dict[str, Any]:
    """Return what `TIME[:kill]` or `off` means, as fields of a request."""
    time, colon, act = text.partition(":kill")
    if act or (colon and time == "off"):
        raise InvalidRequest(f"--stall {text[:40]!r} is not understood", fix="Write 10m, 10m:kill or off")
    seconds = 0.0 if time == "off" else units.duration(time, "--stall", least=1.0)
    return {"stall_seconds": seconds, "stall_kill": bool(colon)}


def rule_of(text: str, pause: float) -> dict[str, Any]:
    """Return the retry rule that `N[:CAUSES]` means."""
    where = f"--retry {text[:60]}"
    times, colon, causes = text.partition(":")
    causes, _, change = causes.partition(":")
    if not re.fullmatch(r"[0-9]{1,4}", times) or not 1 <= int(times) <= _MOST_RETRIES:
        fix = "Write --retry 3, or --retry 3:exit,oom"
        raise InvalidRequest(f"{times[:40]!r} is no number from 1 to {_MOST_RETRIES}", where=where, fix=fix)
    named = [cause.strip() for cause in causes.split(",")] if colon else list(USUAL_RETRY_CAUSES)
    for cause in named:
        if cause not in RETRY_CAUSES:
            hint = did_you_mean(cause, RETRY_CAUSES)
            known = f"known are {', '.join(RETRY_CAUSES)}"
            raise InvalidRequest(
                f"{cause[:40]!r} is no cause; {known}", where=where, fix=hint or "Choose of these"
            )
    found = {"times": int(times), "causes": list(dict.fromkeys(named)), "backoff_seconds": pause}
    if not change:
        return found
    if named != ["gpu_oom"] or not is_change(change):
        fix = "Write --retry 2:gpu_oom:batch=/2"
        raise InvalidRequest(f"{change[:40]!r} changes nothing after gpu_oom alone", where=where, fix=fix)
    return {**found, "change": change}


def described_of(given: Given) -> dict[str, Any]:
    """Return tags and notes as fields of a request, as far as they are given."""
    found: dict[str, Any] = {}
    if given.tag:
        found["tags"] = list(dict.fromkeys(given.tag))
    if given.notes is not None:
        found["notes"] = given.notes
    for option, text in (
        ("--notes", given.notes),
        ("-n", given.name),
        *(("--tag", tag) for tag in given.tag),
    ):
        if text is not None and not is_utf8(text):
            raise InvalidRequest(f"{option} is not UTF-8", fix="Write it in UTF-8")
    return found


def _environment(given: Given, request: dict[str, Any], *, is_command: bool) -> Captured | None:
    """Return this shell's environment for a command, or if it is asked for; else what the request says, or the daemon's."""
    is_asked = bool(given.env or given.env_keep or given.env_from is not None)
    if not is_asked and (not is_command or "environment" in request):
        return None
    return capture(os.environ, given.env, keep=given.env_keep, source=given.env_from)


def _name(given: Given, request: dict[str, Any]) -> str:
    """Return the name of the run: as given, as in the request, or made from the command."""
    if given.name is not None:
        return given.name
    if isinstance(request.get("name"), str) and request["name"].strip():
        return str(request["name"])
    model = request["model"]
    return default_name(model["command"]) if model.get("command") else str(model.get("family"))
