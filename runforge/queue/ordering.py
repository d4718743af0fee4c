"""What one `submit` asks for, and its runs: checked, and nothing changed yet. Pure."""

from __future__ import annotations

from runforge import __version__, clock
from runforge.core.submission import MAX_RUNS, USUAL, Submission
from runforge.documents import strict_json
from runforge.documents.placeholders import require_filled
from runforge.documents.request import parse_request
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidPlan, InvalidRequest
from runforge.later import module
from runforge.named import NamedTuple
from runforge.sweeps.run_overrides import RunOverrides

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.documents import known_fields
    from runforge.documents.plan import Plan
    from runforge.documents.request_options import Objective
    from runforge.queue.environment import Captured
    from runforge.store.code import Code
    from runforge.sweeps.combine import Sweep
else:
    known_fields = module("runforge.documents.known_fields")


class After(NamedTuple):
    """A run or a group, as it was named, and how it must end before the start."""

    target: str
    condition: str = "ok"


class Searched(NamedTuple):
    """Draw so many trials from a space instead of making every combination."""

    method: str
    number: int
    seed: int = 0


class Usual(NamedTuple):
    """What config.toml says of new groups."""

    run_limit: int | None = None
    breaker: int | None = None


NOTHING_USUAL = Usual()


class Order(NamedTuple):
    """All that one `submit` asks for."""

    #: The request of the run, or that which all runs of the sweep vary.
    request: dict[str, Any]
    #: A part of the ids.
    name: str
    #: Its group is that to join; its other options are those of each job.
    submission: Submission = USUAL
    sweep: Sweep | None = None
    after: tuple[After, ...] = ()
    #: The environment of its runs; None is the daemon's.
    environment: Captured | None = None
    #: The code that they are queued with, as far as it is known.
    code: Code | None = None
    run_limit: int | None = None
    #: What a new group gets where nothing is asked for.
    usual: Usual = NOTHING_USUAL
    objective: Objective | None = None
    #: Of its group: so many equal failures in a row pause it, 0 never.
    breaker: int | None = None
    max_runs: int = MAX_RUNS
    where: str = "submit"
    search: Searched | None = None
    #: How often each run of the sweep is made.
    repeat: int = 1
    #: The rule that stops its runs early, or `off`; None is as before.
    stop: str | None = None
    #: Of how many of the best runs the artifacts stay; None is as before.
    keep: int | None = None
    #: Runs that the group has already are made again.
    allow_duplicates: bool = False


class Prepared(NamedTuple):
    """An order's runs, checked. Nothing is changed yet."""

    runs: list[RunOverrides]
    #: That of a sweep.
    plan: Plan | None
    #: If the runs are made later: some that show the ends of the space.
    samples: list[RunOverrides]

    @property
    def shown(self) -> list[RunOverrides]:
        """Its runs, or some like them."""
        return self.runs or self.samples

    def doubts(self) -> list[str]:
        """Return sentences about what was accepted and may be a mistake."""
        if self.plan is not None:
            from runforge.sweeps.expand import doubts_about

            return doubts_about(self.plan, self.shown)
        from runforge.documents import doubts

        return list(doubts.in_request(self.shown[0].request))


def prepare(order: Order) -> Prepared:
    """Return the checked runs of an order. Pure: raises InvalidRequest, and changes nothing."""
    texts = {
        "name": order.request.get("name"),
        "notes": order.request.get("notes"),
        "tag": order.request.get("tags"),
    }
    secret = next(secrets_in({"name": order.name, **texts}), None)
    if secret is not None:
        raise InvalidRequest(
            f"{secret} looks like a secret, and the journal keeps it", where=order.where, fix="Leave it out"
        )
    if order.sweep is None:
        request = parse_request(order.request, where=order.where)
        require_filled(request, where=order.where)
        if request.objective is not None:
            from runforge.sweeps.effect import require_reported

            require_reported(request.objective.metric, {request.family}, where=order.where)
        return Prepared([RunOverrides({}, request)], None, [])
    from runforge.documents.plan import parse_plan
    from runforge.sweeps.expand import expand, samples

    try:
        plan = parse_plan(strict_json.dump(_plan(order, order.sweep)), where=order.where)
        runs, few = expand(plan, limit=order.max_runs), samples(plan)
    except InvalidPlan as error:  # nobody has typed a plan
        raise InvalidRequest(error.message, where=error.where, fix=error.fix) from None
    return Prepared(runs, plan, few)


def _plan(order: Order, sweep: Sweep) -> dict[str, Any]:
    """Return the plan that says what the command line says."""
    document = {
        "version": 1,
        "kind": "sweep_plan",
        "created_at": clock.now(),
        "created_by": f"runforge@{__version__}",
        "group": {"name": order.submission.group or order.name, "notes": order.request.get("notes")},
        "base_request": order.request,
        "strategy": _strategy(order, sweep),
        "execution": {
            "max_parallel": order.run_limit or order.usual.run_limit or 1,
            "fail_fast": False,
            "stop_on_cancel": True,
        },
    }
    if order.objective is not None:
        document["objective"] = order.objective._asdict()
    return document


def _strategy(order: Order, sweep: Sweep) -> dict[str, Any]:
    is_command = order.request["model"].get("family") == "command"
    said = {"repeat": order.repeat if order.repeat > 1 else None, "stop": order.stop, "keep": order.keep}
    more = {name: value for name, value in said.items() if value is not None}
    if order.search is not None:
        space = [
            axis.dimension(path_of(axis.key, is_command=is_command), order.max_runs).document()
            for bundle in sweep.bundles
            for axis in bundle
        ]
        method, number, seed = order.search
        return {"type": method, "number": number, "seed": seed, **more, "parameters": space}
    if sweep.is_grid:
        axes = [
            {"path": path_of(key, is_command=is_command), "values": values} for key, values in sweep.axes()
        ]
        return {"type": "grid", **more, "parameters": axes}
    runs = [
        {path_of(key, is_command=is_command): value for key, value in run.items()} for run in sweep.runs()
    ]
    return {"type": "list", **more, "runs": runs}


def path_of(key: str, *, is_command: bool) -> str:
    """Return the path in a request that a typed name means: a hyperparameter, or another field of a family's."""
    if not is_command and known_fields.is_known(key):
        return key
    return f"{known_fields.HYPERPARAMETERS}.{key}"
