"""Whatever changes a dict is seen, in the ways that the interpreter makes quick too."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from runforge.supervise import changed_dicts
from runforge.supervise.changed_dicts import ChangedDicts

_OFTEN = 200  # the interpreter has made code quicker by then
_LOOP = "def f():\n global name\n for name in range(200): pass\nf()"


class Tool:
    """Its attributes are changed."""

    size = 1

    def __init__(self) -> None:
        self.speed = 1
        self.colour = "red"

    def spin(self) -> None:
        for number in range(_OFTEN):
            self.speed = number


def _change_the_class() -> None:
    for number in range(_OFTEN):
        Tool.size = number


@pytest.fixture(params=["counters", "none"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the interpreter's counters are used."""
    if request.param == "none":
        monkeypatch.setattr(changed_dicts, "_HAS_COUNTERS", False)
    elif not changed_dicts._HAS_COUNTERS:
        pytest.skip("this interpreter has none")
    return request.param == "counters"


def _spin(tool: Tool, _: ModuleType, __: dict[str, Any]) -> None:
    tool.spin()


CHANGES: list[tuple[int, Callable[[Tool, ModuleType, dict[str, Any]], object]]] = [
    (0, _spin),
    (0, lambda tool, _, __: setattr(tool, "new", 1)),
    (0, lambda tool, _, __: delattr(tool, "colour")),
    (1, lambda *_: _change_the_class()),
    (1, lambda *_: setattr(Tool, "new", 1)),
    (2, lambda _, module, __: setattr(module, "name", 2)),
    (2, lambda _, module, __: exec(_LOOP, vars(module))),
    (3, lambda _, __, table: table.update(a=2)),
    (3, lambda _, __, table: table.pop("a")),
    (3, lambda _, __, table: table.clear()),
    (3, lambda _, __, table: table.setdefault("b", 1)),
    (3, lambda _, __, table: table.__ior__({"a": 5})),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_every_change_is_seen(counted: bool, number: int) -> None:
    place, change = CHANGES[number]
    tool, module, table = Tool(), ModuleType("module"), {"a": 1}
    vars(module)["name"] = 1
    of_class = next(each for each in gc.get_referents(vars(Tool)) if isinstance(each, dict))
    changed = ChangedDicts([vars(tool), of_class, vars(module), table])
    assert list(changed.since_then()) == ([] if counted else [0, 1, 2, 3])
    change(tool, module, table)
    assert place in changed.since_then()
    if counted:
        assert list(changed.since_then()) == [place]
    changed.are_the_same()
    assert list(changed.since_then()) == ([] if counted else [0, 1, 2, 3])


def test_reading_is_no_change(counted: bool) -> None:
    tool, table = Tool(), {"a": 1}
    changed = ChangedDicts([vars(tool), table])
    for _ in range(_OFTEN):
        assert (tool.speed, tool.colour, table["a"], *table.values()) == (1, "red", 1, 1)
    assert list(changed.since_then()) == ([] if counted else [0, 1])
