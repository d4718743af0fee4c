"""G16 and G17: equal failures pause their group, and who listens is told, whoever is killed meanwhile."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gauntlets.arena import Arena, require
from gauntlets.plans import grid, plan, request
from runforge.failpoints import COUNTER, VARIABLE

_MOST, _RUNS = 5, 12
_FAILS = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); sys.exit(3)"
#: Around the transaction that records the fifth failure and pauses the group.
_POINTS = (f"end.judged:{_MOST}", "breaker.tripped:1", f"end.recorded:{_MOST}")


def g16(arena: Arena) -> dict[str, Any]:
    """Five equal failures pause their group although the daemon is killed around the fifth: no sixth run starts."""
    starts = {}
    for point in _POINTS:
        name = point.partition(":")[0]
        seen = arena.root.parent / f"{name}.starts"
        group = _put(arena, name, [sys.executable, "-c", _FAILS, str(seen), "{n}"], _RUNS)
        _die_at(arena, point)
        arena.daemon(1)
        arena.until(lambda g=group: arena.group(g)["paused"], "the breaker has paused the group")  # type: ignore[misc]
        arena.until_ended(_put(arena, f"{name}-after", ["true"], 1), "completed")
        arena.stop_daemon()
        starts[name] = len(seen.read_text("ascii").splitlines())
        require(starts[name] == _MOST, f"killed at {point}, {starts[name]} runs have started")
        told = arena.group(group)
        require(told["paused_by"] == "breaker", f"it is paused by {told['paused_by']}")
        arena.run("cancel", group, "--yes", "--workspace", str(arena.root))
    return {"starts": starts}


def g17(arena: Arena) -> dict[str, Any]:
    """A hook that refuses first hears of a sweep's end, under one event id, although daemon and sender are killed."""
    with _hook(refusals=1) as (url, heard):
        config = arena.root / ".runforge" / "config.toml"
        config.parent.mkdir(exist_ok=True)
        config.touch(0o600)
        config.write_text(f"[notify]\nto = [{json.dumps(url)}]\n", "utf-8")
        group = _put(arena, "told", ["true"], 3)
        for stage in ("refused", "told"):  # the sender is killed before it has written what became of it
            counter = arena.root.parent / f"{stage}.passes"
            arena.environment = {VARIABLE: "notice.sent:1", COUNTER: str(counter)}
            arena.daemon(2)
            arena.environment = {}
            arena.until(counter.exists, f"the sender was killed after it was {stage}")
            arena.kill_daemon()
        arena.daemon(2)
        arena.until(lambda: sum(is_told for is_told, _ in heard) >= 2, "it is told again")
        arena.until_ended(group, "completed")
        told = [event for is_told, event in heard if is_told]
    require([is_told for is_told, _ in heard][:1] == [False], "nothing was refused")
    ids = {event["id"] for event in told if event["event"] == "group_done"}
    require(len(ids) == 1, f"the end has the event ids {sorted(ids)}")
    require({event["event"] for _, event in heard} <= {"group_done", "daemon_gone"}, f"more was told: {told}")
    return {"heard": [[is_told, event["event"], event["id"]] for is_told, event in heard]}


def _put(arena: Arena, name: str, command: list[str], count: int) -> str:
    base = request(family="command", command=command, hyperparameters={"n": 0})
    runs = grid(count, "model.hyperparameters.n")
    return arena.enqueue(plan(arena.root, base, runs, name=name, breaker=_MOST), count)


def _die_at(arena: Arena, point: str) -> None:
    """Let a daemon work until it kills itself at a point."""
    arena.environment = {VARIABLE: point}
    process = arena.spawn_daemon(1, 1)
    arena.environment = {}
    arena.until(lambda: process.poll() is not None, f"the daemon has killed itself at {point}")
    arena.killed.append(process.pid)


@contextlib.contextmanager
def _hook(refusals: int) -> Iterator[tuple[str, list[tuple[bool, dict[str, Any]]]]]:
    """Yield the address of a hook, and what it has heard: whether it took it, and the event."""
    heard: list[tuple[bool, dict[str, Any]]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((len(heard) >= refusals, event))
            self.send_response(200 if heard[-1][0] else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", heard
        finally:
            server.shutdown()
            thread.join()
