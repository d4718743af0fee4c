"""The reading thread of the screens: one reading after the other, answers where they belong."""

from __future__ import annotations

import threading

from runforge.errors import OperationFailed
from runforge.tui.background import Answer, Background
from runforge.workspace import Workspace

from .kit import Looker, jobs_of, lived, look


def test_a_later_reading_takes_the_place_of_one_that_waits() -> None:
    answers: list[Answer] = []
    all_there = threading.Event()
    has_begun, may_go_on = threading.Event(), threading.Event()
    shown: list[str] = []

    def post(answer: object) -> None:
        assert isinstance(answer, Answer)
        answers.append(answer)
        if len(answers) == 4:
            all_there.set()

    background = Background(post)
    owner: object = object()

    def read(name: str, key: str = "") -> None:
        background.read(owner, lambda: name, shown.append, key=key)  # type: ignore[arg-type]

    def wait() -> None:
        has_begun.set()
        may_go_on.wait(10)

    background.read(owner, wait, lambda _: None, key="rows")  # type: ignore[arg-type]
    background.start()
    assert has_begun.wait(10)
    read("old", "rows")
    read("first")
    read("second")
    read("new", "rows")
    may_go_on.set()
    assert all_there.wait(10)
    background.stop()
    assert not background.is_alive()
    for answer in answers:
        answer.show()
    assert shown == ["new", "first", "second"]


def test_a_reading_that_fails_is_told_on_the_screen(ws: Workspace) -> None:
    lived(ws)

    def fail() -> None:
        raise OperationFailed("the disk is gone")

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.app.read(at.app.screen, fail, lambda _: None)
        await at.sees("the disk is gone")

    look(ws, journey)


def test_an_answer_for_a_screen_that_was_left_is_dropped(ws: Workspace) -> None:
    lived(ws)
    may_go_on = threading.Event()
    shown: list[str] = []

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("enter")
        await at.sees("1 log")
        left, queue = at.app.screen, at.app.screen_stack[0]
        at.app.read(left, lambda: may_go_on.wait(10), lambda _: shown.append("left"))
        at.app.read(queue, lambda: None, lambda _: shown.append("queue"))
        await at.press("escape")
        await at.until(lambda: not left.is_attached, "the screen is gone")
        may_go_on.set()
        await at.until(lambda: shown, "an answer")

    look(ws, journey)
    assert shown == ["queue"]


def test_keys_typed_ahead_of_the_reading_are_done_in_order(ws: Workspace) -> None:
    lived(ws)
    path = ws.root / jobs_of(ws)["0001"].run_dir / "metrics.jsonl"
    with path.open("a") as more:
        more.write('{"step": 1, "accuracy": 0.5}\n')

    async def journey(at: Looker) -> None:
        async def held(*keys: str) -> None:
            may_go_on = threading.Event()
            at.app.read(at.app.screen_stack[0], may_go_on.wait, lambda _: None)
            await at.press(*keys)
            may_go_on.set()

        await at.sees("0001")
        await held("c", "full_stop")
        await at.sees("accuracy: 2 of 2")
        await held("full_stop", "3")
        await at.sees("[3 info]", "Overrides")
        await at.press("2")
        await at.sees("[2 curves]", "loss: 1 of 2")
        await held("slash", *"epoch", "enter", "N", "N")
        await at.sees("'epoch' in line 12")
        await held("n")
        await at.sees("'epoch' in line 13")

    look(ws, journey)
