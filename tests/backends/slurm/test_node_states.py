"""How the nodes are: asked once a minute for all readers, and told in few words."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from runforge.backends.slurm import sinfo
from runforge.backends.slurm.commands import Answer
from runforge.backends.slurm.node_states import NodeStates

NODES = """\
n1|mixed|main*|infinite|8|64000|none
n2|drained|main*|infinite|8|64000|bad disk
n3|idle|main*|infinite|8|64000|none
n1|mixed|long|infinite|8|64000|none
n2|drained|long|infinite|8|64000|bad disk
g1|down*|gpu|infinite|8|64000|Not responding
"""


class World:
    """A lane whose questions the test answers, and a clock."""

    def __init__(self, partition: str = "") -> None:
        self.asked: list[Any] = []
        self.seconds = 100.0
        clock: Any = SimpleNamespace(monotonic=lambda: self.seconds, now=lambda: f"at {self.seconds:g}")
        self.done: Callable[[Answer], None] = lambda _: None
        self.states = NodeStates(self, clock, partition)  # type: ignore[arg-type]

    def ask(self, argv: Any, done: Callable[[Answer], None]) -> None:
        self.asked.append(argv)
        self.done = done

    def answers(self, out: str, code: int | None = 0) -> None:
        self.done(Answer(code, out, "", self.seconds))

    def goes_on(self, seconds: float) -> None:
        self.seconds += seconds
        self.states.step(is_wanted=True)


def test_one_question_a_minute_and_none_while_nobody_is_there() -> None:
    world = World()
    world.states.step(is_wanted=False)
    assert (world.asked, world.states.wait_seconds(is_wanted=False)) == ([], None)
    assert world.states.wait_seconds(is_wanted=True) == 0
    world.goes_on(0)
    assert world.asked == [sinfo.COMMAND]
    world.goes_on(600)  # it has not answered yet
    assert len(world.asked) == 1
    assert world.states.wait_seconds(is_wanted=True) is None
    world.answers(NODES)
    world.goes_on(0)
    world.answers(NODES)
    for _ in range(59):
        world.goes_on(1)
    assert len(world.asked) == 2
    assert world.states.wait_seconds(is_wanted=True) == 1
    world.goes_on(1)
    assert len(world.asked) == 3


def test_nodes_with_runs_come_first_then_those_that_take_no_jobs() -> None:
    world = World()
    assert world.states.told({"n3"}) is None
    world.goes_on(0)
    world.answers(NODES)
    assert world.states.told({"n3", "g1", "gone"}) == {
        "asked_at": "at 100",
        "counts": {"drained": 1, "idle": 1, "mixed": 1},
        "shown": [
            {"name": "g1", "state": "down*", "reason": "Not responding"},
            {"name": "n3", "state": "idle", "reason": None},
            {"name": "n2", "state": "drained", "reason": "bad disk"},
        ],
    }
    assert [each["name"] for each in (world.states.told({"n2"}) or {})["shown"]] == ["n2"]
    assert [each["name"] for each in (world.states.told(set()) or {})["shown"]] == ["n2"]
    world.goes_on(60)
    world.answers("", code=1)
    assert (world.states.told(set()) or {})["asked_at"] == "at 100", "what is not answered gets older"
    world.goes_on(60)
    world.answers(NODES.replace("drained", "idle"))
    assert world.states.told(set()) == {"asked_at": "at 220", "counts": {"idle": 2, "mixed": 1}, "shown": []}


def test_the_partition_of_the_runs_is_counted_and_a_large_cluster_is_told_in_part() -> None:
    world = World("gpu")
    world.goes_on(0)
    world.answers(NODES)
    assert (world.states.told(set()) or {})["counts"] == {"down*": 1}
    world.goes_on(60)
    world.answers("".join(f"g{number}|down|gpu|infinite|8|1|none\n" for number in range(5000)))
    told = world.states.told({"g4999"}) or {}
    assert (told["counts"], len(told["shown"]), told["shown"][0]["name"]) == ({"down": 5000}, 32, "g4999")
