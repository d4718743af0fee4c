"""What must be true after a power cut: compares the disk with the acknowledged changes and the witness."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gauntlets.powercut_load import entry_of
from runforge.attempts import build_spec, exit_record, start_marker
from runforge.core.states import TERMINAL, Cause, State
from runforge.documents.request_file import read_request
from runforge.documents.result import read_result
from runforge.drills import witness
from runforge.drills.witness import Seen
from runforge.errors import RunForgeError
from runforge.metrics import tokens
from runforge.store import records, verify
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

_CANCELED = {"cancel_requested", "canceled"}
#: How an attempt that started before a cut may have ended: by itself, by a cancel, by the cut.
_TRUE_ENDS = {Cause.EXIT, Cause.CANCELED, Cause.REBOOT}
_MOST_LOST = 3
_LAST_LINES = tuple(f"{tokens.stage(name)}\n".encode("ascii") for name in ("COMPLETED", "FAILED"))


@dataclass(slots=True)
class Books:
    """What was acknowledged, stored outside of the disk that loses its power."""

    runs: list[str] = field(default_factory=list)
    canceled: set[str] = field(default_factory=set)
    entries: dict[int, list[Any]] = field(default_factory=dict)
    #: How many entries a command has seen; a reboot adds those that it finds.
    seen: set[int] = field(default_factory=set)
    commands: Counter[str] = field(default_factory=Counter)

    def read(self, path: Path) -> None:
        """Add what a process of the load has written; an unfinished line does not count."""
        for line in path.read_text("utf-8").split("\n")[:-1]:
            word, _, rest = line.partition(" ")
            if word == "ACK":
                self.runs.append(rest)
            elif word == "DID":
                name, _, target = rest.partition(" ")
                self.commands[name] += 1
                if name == "cancel-run":
                    self.canceled.add(target)
            elif word == "SEEN":
                entry = json.loads(rest)
                self.entries[entry[0]] = entry
                self.seen.add(entry[0])


def after_reboot(workspace: Workspace, sightings: Path, books: Books) -> list[str]:
    """Return what the disk has lost or invented, before a daemon has changed it."""
    try:
        if not exists(workspace):
            return ["the journal is lost"] if books.runs or books.entries else []
        found = [f"journal: {text}" for text in verify.check(workspace)]
        with open_journal(workspace) as journal, journal.read() as tx:
            jobs = {job.run_id: job for job in map(records.job, tx.rows("jobs.all"))}
            secrets = {(row["run_id"], row["attempt"]): row["token"] for row in tx.rows("attempts.all")}
            entries = {row["seq"]: entry_of(row) for row in tx.rows("journal.entries_all")}
    except RunForgeError as error:
        return [f"the journal cannot be read: {error}"]
    found += _lost(books, entries)
    for run_id in books.runs:
        if run_id not in jobs:
            found.append(f"{run_id} was acknowledged but is lost")
        elif not _has_request(workspace, run_id):
            found.append(f"{run_id} was acknowledged and has no request.json any more")
    events = {(entry[2], entry[1]) for entry in entries.values()}
    for run_id in books.canceled & jobs.keys():
        if not any((jobs[run_id].job_id, event) in events for event in _CANCELED):
            found.append(f"the cancel of {run_id} was acknowledged but is lost")
    found += _unclaimed(workspace, sightings, secrets)
    found += _torn(workspace)
    found += [
        text
        for (run_id, number), token in secrets.items()
        for text in _cut_short(workspace, run_id, number, token)
    ]
    books.entries.update(entries)  # What a reboot finds, the next one must find too.
    return found


def _lost(books: Books, entries: dict[int, list[Any]]) -> list[str]:
    lost = [seq for seq in books.entries if seq not in entries]
    other = [seq for seq, entry in books.entries.items() if seq in entries and entries[seq] != entry]
    found = (
        [f"{len(lost)} of {len(books.entries)} acknowledged entries are lost, from {min(lost)}"]
        if lost
        else []
    )
    return found + [f"entry {seq} was {books.entries[seq]} and is {entries[seq]}" for seq in other]


def _has_request(workspace: Workspace, run_id: str) -> bool:
    try:
        read_request(workspace.run_dir(run_id) / "request.json")
    except RunForgeError:
        return False
    return True


def _unclaimed(workspace: Workspace, sightings: Path, tokens: dict[tuple[str, int], str]) -> list[str]:
    found = []
    for run_id, attempts in witness.read(sightings).items():
        for number in attempts:
            owner = start_marker.read(workspace.attempt_dir(run_id, number))
            if (run_id, number) not in tokens:
                found.append(f"{run_id} attempt {number} started, but the journal does not know it")
            elif owner is None or (owner.kind, owner.token) != (start_marker.STARTED, tokens[run_id, number]):
                found.append(f"{run_id} attempt {number} started without a durable start marker: {owner}")
    return found


def _torn(workspace: Workspace) -> list[str]:
    """Return the exports that other programs could not read now: they may be old, but never torn."""
    files = [*workspace.queue_dir.glob("*.json"), *workspace.hidden.glob("groups/*/group.json")]
    return [f"{path.relative_to(workspace.root)} is torn" for path in files if not _is_json(path)]


def _cut_short(workspace: Workspace, run_id: str, number: int, token: str) -> list[str]:
    """Return the incomplete files of an attempt whose end is on the disk: result, log or artifacts."""
    if exit_record.read(workspace.attempt_dir(run_id, number), token) is None:
        return []
    # The next attempt's launch moves the files one by one; a cut may come in between.
    places = [build_spec.previous(workspace.run_dir(run_id), number), workspace.run_dir(run_id)]

    def found_at(path: str) -> Path:
        return next((place / path for place in places if (place / path).exists()), places[0] / path)

    name = f"{run_id} attempt {number} has ended, and"
    try:
        result = read_result(found_at("result.json").read_bytes())
        log = found_at("logs.txt").read_bytes()
    except OSError as error:
        return [f"{name} {error.filename} is lost"]
    if result is None:
        return [f"{name} its result.json is not whole"]
    found = [] if log.endswith(_LAST_LINES) else [f"{name} its log ends with {log[-40:]!r}"]
    for artifact in result.raw["artifacts"]:
        path = found_at(artifact["path"])
        if not path.is_file() or path.stat().st_size != artifact["bytes"]:
            found.append(f"{name} {artifact['path']} is not whole")
    return found


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class Outcomes:
    """How the attempts of a life ended, and which ends were wrong."""

    causes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    interrupted: int = 0


def outcomes(workspace: Workspace, sightings: Path) -> Outcomes:
    """Return whether each job ended like its program, or as the policy says after a cut."""
    seen = witness.read(sightings)
    made = Outcomes()
    with open_journal(workspace) as journal, journal.read() as tx:
        jobs = {job.job_id: job for job in map(records.job, tx.rows("jobs.all"))}
        attempts = list(map(records.attempt, tx.rows("attempts.all")))
    lost: Counter[str] = Counter()
    for attempt in attempts:
        cause = str(attempt.cause)
        made.causes[cause] += 1
        made.interrupted += cause == Cause.REBOOT
        lost[attempt.job_id] += cause in {Cause.REBOOT, Cause.LOST}
        one = seen.get(attempt.run_id, {}).get(attempt.attempt, Seen())
        if one.starts and attempt.cause not in _TRUE_ENDS:
            made.broken.append(
                f"{attempt.run_id} attempt {attempt.attempt} had started, and ended by {cause}"
            )
    for job in jobs.values():
        code = json.loads(job.overrides)["model.hyperparameters.code"]
        by_itself = State.FAILED if code else State.SUCCEEDED
        is_true = job.state in {by_itself, State.CANCELED} and job.cause in {None, Cause.EXIT, Cause.CANCELED}
        gave_up = job.state is State.FAILED and lost[job.job_id] >= _MOST_LOST
        if job.state in TERMINAL and not is_true and not gave_up:
            made.broken.append(f"{job.run_id} should end with {code} but is {job.state} by {job.cause}")
    return made
