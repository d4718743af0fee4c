"""Opens the terminal UI. The first paint waits only for what it needs."""

from __future__ import annotations

import gc
import sys

from runforge import blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runforge.workspace import Workspace


def open_screens(
    here: Workspace,
    *,
    read_only: bool = False,
    ascii_only: bool = False,
    mouse: bool = True,
    bell: bool = False,
    seconds: float | None = None,
) -> int:
    """Open the terminal UI on a workspace; return its exit code. InvalidRequest if there is no suitable terminal."""
    from runforge.tui import choices, terminal

    terminal.require()
    terminal.ignore_env_size()
    gc.disable()  # until the first paint
    from runforge.cli import first_text
    from runforge.tui import beginning

    file = choices.path()
    begun = beginning.begin(here, choices.read(file), file=file, seconds=seconds)
    begun.feed.start()  # it reads the queue while Textual is imported
    with _without_tls():
        from runforge.tui import app
    from runforge.tui.steering import DaemonKeys

    return app.run(
        here,
        DaemonKeys(lambda: _start(here), lambda: _start(here, replace=True), lambda: _stop(here)),
        begun,
        read_only=read_only,
        ascii_only=ascii_only or terminal.needs_ascii(),
        mouse=mouse,
        bell=bell,
        hand_over=first_text.FIRST.hand_over,
    )


@blocks.contextmanager
def _without_tls() -> Iterator[None]:
    """Let asyncio be imported without TLS, which nothing here speaks: to load it takes a seventh of asyncio's time.

    It does so itself where Python has none. Whoever imports `ssl` after this gets it.
    """
    is_here = "ssl" in sys.modules
    if not is_here:
        sys.modules["ssl"] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    try:
        yield
    finally:
        if not is_here:
            del sys.modules["ssl"]


def _start(here: Workspace, *, replace: bool = False) -> int:
    """Start a daemon with the slots of the last one."""
    from runforge.daemon import detach
    from runforge.views import daemon_status

    before = daemon_status.daemon_status(here)
    return detach.start(
        here,
        max_parallel=before.max_parallel,
        gpu_slots=None if before.gpu_auto else before.gpu_slots,
        devices=before.gpu_choice,
        replace=replace,
    )


def _stop(here: Workspace) -> bool:
    from runforge.daemon import stop

    return stop.stop(here)
