"""A run as text: request and overrides, why it waits or failed, attempts, timeline, files.

It reads the run's folder, so it is not for the painting thread.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.text import Text

from runforge import cells
from runforge.files.durable import read_bounded
from runforge.text import safe
from runforge.tui.local_time import local, local_and_ago
from runforge.views.kin import Relative
from runforge.views.remarks import remarks
from runforge.views.shown import JobView, RunView
from runforge.views.used import used_text

_REQUEST_LIMIT = 256 * 1024
_MOST_FILES = 500
_MOST_KIN = 20
#: What a parent must do.
_MUST = {"ok": "succeed", "fail": "fail", "any": "end"}


class RunRead(NamedTuple):
    """A run as its screen shows it; with its files only if requested."""

    job: JobView
    info: Text
    files: Text | None


def read_run(view: RunView, with_files: bool) -> RunRead:
    """Return a run as its screen shows it."""
    return RunRead(view.job, info_text(view), files_text(view) if with_files else None)


def info_text(view: RunView) -> Text:
    """Return all that is known about a run, without its log and curves."""
    job = view.job
    text = Text()
    _heading(text, "Run")
    rows: list[tuple[str, str | None]] = [
        ("number", f"#{job.number}" if job.number else None),
        ("name", job.name),
        ("tags", ", ".join(job.tags)),
        ("notes", job.notes),
        ("state", cells.state_cell(job.state)),
        ("waits", job.waiting_text),
        ("not before", local_and_ago(job.not_before)),
        ("paused", job.pause_text),
        ("why", job.error),
        ("cause", job.cause),
        ("metric", _metric(job)),
        *(("remark", sentence) for sentence in remarks(view.run_dir)),
        ("group", job.group_id),
        ("sweep", view.sweep_ended),
        ("job", job.job_id),
        ("priority", str(job.priority) if job.priority else None),
        ("device", "GPU slot" if job.requires_gpu else None),
        ("dry run", "yes" if job.dry_run else None),
        ("created", local_and_ago(job.created_at)),
        ("started", local_and_ago(job.started_at)),
        ("ended", local_and_ago(job.finished_at)),
        ("took", cells.duration(job.seconds)),
        ("folder", view.run_dir),
    ]
    for name, value in rows:
        _pair(text, name, value)
    _kin(text, "Parents: this run waits for them", view.parents)
    _kin(text, "Children: they wait for this run", view.children)
    if job.overrides:
        _heading(text, "Overrides")
        for path, value in job.overrides.items():
            _pair(text, path, json.dumps(value), width=36)
    _heading(text, "Timeline")
    for entry in view.timeline:
        detail = entry["detail"] if isinstance(entry["detail"], dict) else {}
        why = detail.get("error") or (f"priority {detail['priority']}" if "priority" in detail else "")
        text.append(f"  {local(entry['at'])}  ", "dim")
        text.append(f"{entry['event']:<16} attempt {entry['attempt']}  {safe(str(why), 300)}\n")
    _attempts(text, view)
    _heading(text, "Request")
    text.append(_request(view.request_file) + "\n")
    return text


def _kin(text: Text, title: str, found: Sequence[Relative]) -> None:
    """Add the runs and groups that a run waits for, or that wait for it; those that still hold first."""
    if not found:
        return
    _heading(text, title)
    for each in found[:_MOST_KIN]:
        name = f"#{each.number}" if each.number is not None else each.called
        words = [
            safe(word, 100) for word in (each.name or "", each.state or "no longer in the queue") if word
        ]
        done = "met" if each.met else f"must {_MUST[each.condition]}"
        text.append(f"  {safe(name, 60):<10} ", "dim")
        text.append(f"{'  '.join(words)}  ({done})\n")
    if len(found) > _MOST_KIN:
        text.append(f"  and {len(found) - _MOST_KIN:,} more\n", "dim")


def _metric(job: JobView) -> str | None:
    if job.has_diverged:
        return f"{job.metric_name} diverged"
    return f"{job.metric_name} {job.metric_value:.6g}" if job.metric_value is not None else None


def _attempts(text: Text, view: RunView) -> None:
    _heading(text, "Attempts")
    for attempt in view.attempts:
        ended = attempt.cause or ("running" if attempt.is_here or attempt.begun_at else "waiting")
        code = "" if attempt.exit_code is None else f"exit {attempt.exit_code}"
        killed = "" if attempt.signal is None else f"signal {attempt.signal}"
        gpu = f"GPU {', '.join(attempt.devices)}" if attempt.devices else ""
        words = "  ".join(safe(word, 300) for word in (ended, code, killed, gpu, attempt.error or "") if word)
        text.append(f"  {attempt.attempt}  ", "bold")
        text.append(f"{local(attempt.started_at)}  {words}\n")
        if attempt.place is not None:
            text.append(f"     {safe(attempt.place)}  {safe(attempt.node or '')}\n", "dim")
        if used := used_text(attempt.used):
            text.append(f"     used {used}\n", "dim")
    if not view.attempts:
        text.append("  none yet\n", "dim")


def _request(path: str) -> str:
    try:
        document: Any = json.loads(read_bounded(path, _REQUEST_LIMIT))
        lines = json.dumps(document, indent=2, ensure_ascii=True).split("\n")
    except (OSError, ValueError, RecursionError) as error:
        return f"  request.json cannot be shown: {safe(str(error), 200)}"
    return "\n".join(f"  {safe(line)}" for line in lines)


def files_text(view: RunView) -> Text:
    """Return the run folder's files with their sizes; links are named, not followed."""
    text = Text()
    _heading(text, safe(view.run_dir))
    found = sorted(_walk(view.run_dir))[:_MOST_FILES]
    for name, size in found:
        text.append(f"  {size:>10}  ", "dim")
        text.append(f"{safe(name, 200)}\n")
    if not found:
        text.append("  the folder is empty or missing\n", "dim")
    return text


def _walk(folder: str) -> list[tuple[str, str]]:
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):
                size = "link" if os.path.islink(path) else cells.size(os.lstat(path).st_size)
                found.append((os.path.relpath(path, folder), size))
        if len(found) > _MOST_FILES:
            break
    return found


def _heading(text: Text, title: str) -> None:
    text.append(f"{'' if not text.plain else chr(10)}{title}\n", "bold underline")


def _pair(text: Text, name: str, value: str | None, *, width: int = 10) -> None:
    if value:
        text.append(f"  {safe(name, 200):<{width}} ", "dim")
        text.append(f"{safe(value)}\n")
