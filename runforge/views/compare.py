"""What differs between runs: parameters, command, folder, environment, limits, outcome, metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from runforge import clock
from runforge.errors import InvalidRequest, OperationFailed
from runforge.metrics.points import as_json
from runforge.views.chosen_runs import spooled
from runforge.views.code import packages
from runforge.views.code import read as read_code
from runforge.views.environment import masked, stored
from runforge.views.results import metrics_of, parameters_of
from runforge.views.run_facts import read as facts_of
from runforge.workspace import Workspace

#: More columns fit no screen.
MOST = 50
_OUTCOME = ("state", "cause", "error", "attempt", "seconds", "gpu_seconds")


class Difference(NamedTuple):
    """Something that is not the same in all runs."""

    section: str
    name: str
    #: One for each run; None where a run does not have it.
    values: list[Any]


class Comparison(NamedTuple):
    """The runs, by number and id, and what differs between them."""

    numbers: list[int]
    run_ids: list[str]
    differences: list[Difference]

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        runs = [{"number": n, "run_id": run_id} for n, run_id in zip(self.numbers, self.run_ids, strict=True)]
        return {"runs": runs, "differences": [found._asdict() for found in self.differences]}


class _Fact(NamedTuple):
    """What is compared, and what is shown of it: a secret is compared and not shown."""

    compared: str
    shown: Any


Facts = dict[tuple[str, str], _Fact]


def compare(workspace: Workspace, texts: Sequence[str]) -> Comparison:
    """Return what differs between the runs that the targets mean, at least two."""
    with spooled(workspace, texts, None, clock.now()) as jobs:
        if not 2 <= len(jobs) <= MOST:
            raise InvalidRequest(
                f"these are {len(jobs):,} runs", where="compare", fix=f"Name 2 to {MOST} runs, such as 41 47"
            )
        found = list(jobs.in_order())
    sides = [dict(_facts(workspace, job)) for job in found]
    keys = dict.fromkeys(key for side in sides for key in side)
    differences = [_difference(key, sides) for key in keys if _differs(key, sides)]
    # A stable sort: the sections in the order in which they are made, each with all its names.
    sections = list(dict.fromkeys(key[0] for key in keys))
    differences.sort(key=lambda difference: sections.index(difference.section))
    return Comparison([job["number"] for job in found], [job["run_id"] for job in found], differences)


def _differs(key: tuple[str, str], sides: list[Facts]) -> bool:
    return len({side[key].compared if key in side else None for side in sides}) > 1


def _difference(key: tuple[str, str], sides: list[Facts]) -> Difference:
    return Difference(*key, [side[key].shown if key in side else None for side in sides])


def _facts(workspace: Workspace, job: dict[str, Any]) -> Iterator[tuple[tuple[str, str], _Fact]]:
    """Yield all that is known of a run, by section and name; what is missing is left out."""
    folder = workspace.root / job["run_dir"]
    facts = facts_of(folder, workspace.root)
    plain = {
        "parameter": parameters_of(job, folder),
        "run": {
            "model": None if facts.command else facts.family,
            "starts in": facts.cwd,
            "request": facts.problem,
            "timeout_seconds": facts.timeout_seconds,
            "grace_seconds": facts.grace_seconds,
            **(facts.resources or {}),
            "gpus": job["gpus"] or None,
            "dry_run": job["dry_run"] or None,
        },
        "outcome": {name: job[name] for name in _OUTCOME},
        "metric": {name: as_json(known.last) for name, known in metrics_of(job, folder).items()},
    }
    if facts.command is not None:  # the same command with other parameters is no difference of its own
        yield ("run", "command"), _Fact(json.dumps(facts.template), "\n".join(facts.command_lines))
    for section, values in plain.items():
        for name, value in values.items():
            if value is not None:
                yield (section, name), _Fact(json.dumps(value, sort_keys=True), value)
    yield from _environment(workspace, job["env_id"])
    yield from _code(workspace, job["code_tree"])
    for name, version in packages(workspace, job["run_id"], job["attempt"]).items():
        yield ("package", name), _Fact(version, version)


def _code(workspace: Workspace, code_id: str | None) -> Iterator[tuple[tuple[str, str], _Fact]]:
    """Yield what is known of a run's code; the repository's place is no difference of its own."""
    code = read_code(workspace, code_id)
    if code is None:
        return
    known = code.known
    shown = {"tree": code.tree, "commit": code.commit, "branch": code.branch, "driver": known.get("driver")}
    shown |= {"cuda": known.get("cuda"), **(known.get("python") or {}), **(known.get("locks") or {})}
    names = {"path": "python", "version": "python version"}
    for name, value in shown.items():
        if value is not None:
            is_object = name in {"tree", "commit"} or name in (known.get("locks") or {})
            yield ("code", names.get(name, name)), _Fact(str(value), str(value)[:12] if is_object else value)


def _environment(workspace: Workspace, env_id: str | None) -> Iterator[tuple[tuple[str, str], _Fact]]:
    if env_id is None:
        return
    yield ("environment", "id"), _Fact(env_id, env_id[:12])
    try:
        variables = stored(workspace, env_id)
    except OperationFailed as error:
        yield ("environment", "problem"), _Fact(str(error), str(error))
        return
    for name, shown in masked(variables).items():
        yield ("environment", name), _Fact(variables[name], shown)
