"""A run as text: request and overrides, why it waits or failed, attempts, timeline, files.

It reads the run's folder, so it is not for the painting thread.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from runforge import cells
from runforge.files.durable import read_bounded
from runforge.text import safe
from runforge.tui.local_time import local, local_and_ago
from runforge.views.remarks import remarks
from runforge.views.shown import JobView, RunView
from runforge.views.used import used_text

_REQUEST_LIMIT = 256 * 1024
_MOST_FILES = 500


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
        ("state", cells.state_cell(job.state)),
        ("waits for", job.waiting_text),
        ("paused", job.pause_text),
        ("why", job.error),
        ("cause", job.cause),
        ("metric", _metric(job)),
        *(("remark", sentence) for sentence in remarks(view.run_dir)),
        ("group", job.group_id),
        ("job", job.job_id),
        ("priority", str(job.priority) if job.priority else None),
        ("device", "GPU slot" if job.requires_gpu else None),
        ("dry run", "yes" if job.dry_run else None),
        ("created", local_and_ago(job.created_at)),
        ("started", local_and_ago(job.started_at)),
        ("ended", local_and_ago(job.finished_at)),
        ("took", cells.duration(job.seconds)),
        ("folder", str(view.run_dir)),
    ]
    for name, value in rows:
        _pair(text, name, value)
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
    text.append(_request(view.run_dir) + "\n")
    return text


def _metric(job: JobView) -> str | None:
    if job.has_diverged:
        return f"{job.metric_name} diverged"
    return f"{job.metric_name} {job.metric_value:.6g}" if job.metric_value is not None else None


def _attempts(text: Text, view: RunView) -> None:
    _heading(text, "Attempts")
    for attempt in view.attempts:
        ended = attempt.cause or "running"
        code = "" if attempt.exit_code is None else f"exit {attempt.exit_code}"
        killed = "" if attempt.signal is None else f"signal {attempt.signal}"
        gpu = f"GPU {', '.join(attempt.devices)}" if attempt.devices else ""
        words = "  ".join(safe(word, 300) for word in (ended, code, killed, gpu, attempt.error or "") if word)
        text.append(f"  {attempt.attempt}  ", "bold")
        text.append(f"{local(attempt.started_at)}  {words}\n")
        if used := used_text(attempt.used):
            text.append(f"     used {used}\n", "dim")
    if not view.attempts:
        text.append("  none yet\n", "dim")


def _request(folder: Path) -> str:
    try:
        document: Any = json.loads(read_bounded(folder / "request.json", _REQUEST_LIMIT))
        lines = json.dumps(document, indent=2, ensure_ascii=True).split("\n")
    except (OSError, ValueError, RecursionError) as error:
        return f"  request.json cannot be shown: {safe(str(error), 200)}"
    return "\n".join(f"  {safe(line)}" for line in lines)


def files_text(view: RunView) -> Text:
    """Return the run folder's files with their sizes; links are named, not followed."""
    text = Text()
    _heading(text, safe(str(view.run_dir)))
    found = sorted(_walk(view.run_dir))[:_MOST_FILES]
    for name, size in found:
        text.append(f"  {size:>10}  ", "dim")
        text.append(f"{safe(name, 200)}\n")
    if not found:
        text.append("  the folder is empty or missing\n", "dim")
    return text


def _walk(folder: Path) -> list[tuple[str, str]]:
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
