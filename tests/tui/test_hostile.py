"""Hostile text on every screen: no control byte reaches the terminal, nothing crashes, no action runs."""

from __future__ import annotations

import json

import pytest
from textual.strip import Strip

from runforge.store.opening import open_journal
from runforge.tui.queue_screen import QueueScreen
from runforge.workspace import Workspace
from tests.hostile import CORPUS, harm_in

from .kit import WIDE, FakeDaemon, Looker, enqueue, jobs_of, lived, look

pytestmark = pytest.mark.slow

_PRINTABLE = [text.encode("utf-8", "replace").decode() for text in CORPUS]


def plant(ws: Workspace) -> None:
    """Put the corpus into every text that a screen may show."""
    enqueue(ws, name="g", runs=len(CORPUS))
    with open_journal(ws) as journal, journal.write() as tx:
        run = journal.connection.execute
        for row, text in zip(tx.rows("jobs.all"), _PRINTABLE, strict=True):
            values = (json.dumps({f"model.{text}": text}), text, text, row["created_at"], row["seq"])
            run(
                "UPDATE jobs SET overrides=?, error=?, cause=?, finished_at=?, state='failed' WHERE seq=?",
                values,
            )
            run("UPDATE jobs SET metric_name=?, metric_value=0.5 WHERE seq=?", (text, row["seq"]))
        run("UPDATE groups SET name=?, notes=?", ("\n".join(_PRINTABLE[:150]), "".join(_PRINTABLE[-90:])))
    folder = ws.root / jobs_of(ws)["0001"].run_dir
    everything = "\n".join(CORPUS).encode("utf-8", "surrogatepass")
    for job in jobs_of(ws).values():
        (ws.root / job.run_dir / "logs.txt").write_bytes(everything + bytes(range(256)) * 40)
        lines = [json.dumps({"name": text, "value": 1.0, "step": 1}) for text in CORPUS[:60]]
        (ws.root / job.run_dir / "metrics.jsonl").write_text("\n".join(lines))
        (ws.root / job.run_dir / "request.json").write_text(json.dumps({"name": CORPUS}))
    for text in CORPUS[:60]:
        if text and "/" not in text and "\0" not in text:
            (folder / text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")).touch()


def written(at: Looker) -> bytes:
    """Return the screen as its bytes would go to a terminal, without RunForge's own colours."""
    strips: list[Strip] = at.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips).encode("utf-8", "surrogatepass")


def test_nothing_hostile_is_drawn_and_nothing_runs(ws: Workspace) -> None:
    plant(ws)
    daemon = FakeDaemon()
    seen = bytearray()

    async def look_at(at: Looker, *keys: str) -> None:
        await at.press(*keys)
        for _ in range(3):
            await at.pilot.pause()
        seen.extend(written(at))

    async def journey(at: Looker) -> None:
        await at.until(
            lambda: at.app.snapshot is not None and len(at.app.snapshot.order) == len(CORPUS), "all"
        )
        for _ in range(len(CORPUS) // 30 + 1):
            await look_at(at, "pagedown")
        await look_at(at, "g", "enter")
        for keys in (
            ["g"],
            ["G"],
            ["2"],
            ["full_stop"],
            ["full_stop"],
            ["3"],
            ["end"],
            ["4"],
            ["y"],
            ["Y"],
            ["question_mark"],
        ):
            await look_at(at, *keys)
        await look_at(at, "escape", "escape", "o")
        for keys in (
            ["b"],
            ["space", "space", "equals_sign"],
            ["escape", "b"],
            ["right_square_bracket"],
            ["G"],
            ["X"],
            ["n"],
            ["escape"],
            ["m"],
            ["escape"],
        ):
            await look_at(at, *keys)
        assert isinstance(at.app.screen, QueueScreen)
        await look_at(at, "slash", "[", "slash", "]", "escape", "r")

    look(ws, journey, size=WIDE, daemon=daemon)
    assert harm_in(bytes(seen)) == []
    assert (daemon.started, daemon.stopped) == (0, 0)


def test_the_corpus_would_be_noticed() -> None:
    for text in CORPUS:
        if any(sign in text for sign in ("PWNED", "UFdORUQ", "\x9b", "\u202e", "\u2066")):
            assert harm_in(text.encode("utf-8", "surrogatepass")), repr(text)


def test_hostile_errors_and_a_hostile_workspace(ws: Workspace) -> None:
    lived(ws, name="x \x1b]2;PWNED\x07 [/x]", error="[/x] \x1b]52;c;UFdORUQ=\x07 [@click=app.quit]q[/]")
    seen = bytearray()

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        for keys in (["tab"], ["x"], ["n"], ["p"], ["tab", "p"]):
            await at.press(*keys)
            await at.pilot.pause()
            seen.extend(written(at))
        at.app.say("[/x] \x1b]2;PWNED\x07", is_error=True)
        await at.sees("[/x] \\x1b]2;PWNED")
        seen.extend(written(at))

    look(ws, journey)
    assert harm_in(bytes(seen)) == []
