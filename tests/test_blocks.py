"""RunForge's own blocks are those of `contextlib`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runforge import blocks

BOTH = pytest.mark.parametrize("kind", [blocks, contextlib], ids=["ours", "theirs"])


class _Own(Exception):
    pass


def _caught(act: Callable[[], object]) -> object:
    try:
        return act()
    except BaseException as error:  # noqa: BLE001
        return type(error), str(error)


def _twice() -> Iterator[int]:
    yield 1
    yield 2


def _never() -> Iterator[int]:
    yield from ()


def _quiet() -> Iterator[int]:
    with contextlib.suppress(_Own):
        yield 1


def _stubborn() -> Iterator[int]:
    try:
        yield 1
    except _Own:
        yield 2


def _other() -> Iterator[int]:
    try:
        yield 1
    except _Own:
        raise KeyError("other") from None


def _plain() -> Iterator[int]:
    yield 1


def _raises(error: type[BaseException]) -> Callable[[], None]:
    def act() -> None:
        raise error("said")

    return act


@pytest.mark.parametrize("steps", [_twice, _never, _quiet, _stubborn, _other, _plain])
@pytest.mark.parametrize(
    "act",
    [lambda: None, _raises(_Own), _raises(StopIteration), _raises(KeyboardInterrupt), _raises(RuntimeError)],
    ids=["nothing", "own", "stop", "interrupt", "runtime"],
)
def test_a_block_ends_as_one_of_contextlib(steps: Any, act: Callable[[], None]) -> None:
    def run(kind: Any) -> object:
        with kind.contextmanager(steps)() as found:
            assert found == 1
            act()
        return "ended"

    assert _caught(lambda: run(blocks)) == _caught(lambda: run(contextlib))


@BOTH
def test_the_error_keeps_its_trace_and_its_cause(kind: Any) -> None:
    @kind.contextmanager
    def block() -> Iterator[None]:
        yield

    with pytest.raises(_Own) as caught, block():
        _raises(_Own)()
    assert caught.traceback[-1].name == "act"
    assert caught.value.__cause__ is caught.value.__context__ is None


@BOTH
def test_a_block_keeps_the_names_of_its_function(kind: Any) -> None:
    made = kind.contextmanager(_plain)
    assert (made.__name__, made.__wrapped__) == ("_plain", _plain)


@BOTH
def test_only_the_named_errors_are_suppressed(kind: Any) -> None:
    with kind.suppress(KeyError, OSError):
        raise FileNotFoundError
    with pytest.raises(_Own), kind.suppress(KeyError):
        raise _Own
    with pytest.raises(_Own), kind.suppress():
        raise _Own
