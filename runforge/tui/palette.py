"""What the command palette offers: every key of the screen by name, and every run and group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from runforge import cells
from runforge.text import safe
from runforge.tui.base_screen import BaseScreen, key_name
from runforge.tui.ports import AppPort
from runforge.views.labels import group_state

#: A run that matches by its parameters or its error, not by its name.
_FAINT = 0.1
_MOST_GROUPS = 10


class KeyCommands(Provider):
    """The keys of the screen, and choices that have no key."""

    def _commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        app, screen = cast("AppPort", self.app), self.screen
        yield "Theme: change the colours", "", self.app.action_change_theme
        bell = "off" if app.choices.bell else "on"
        yield f"Bell: {bell} when a group or the queue has ended", "", app.toggle_bell
        if isinstance(screen, BaseScreen):
            for binding in screen.commands():
                run = partial(self.app.call_later, screen.run_action, binding.action)
                yield binding.description, f"key {key_name(binding.key)}", run

    async def discover(self) -> Hits:
        """Yield everything."""
        for name, key, run in self._commands():
            yield DiscoveryHit(Content.assemble(name, (f"  {key}", "dim")), run, text=name)

    async def search(self, query: str) -> Hits:
        """Yield what matches."""
        matcher = self.matcher(query)
        for name, key, run in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(
                    score, Content.assemble(matcher.highlight(name), (f"  {key}", "dim")), run, text=name
                )


class FoundInQueue(Provider):
    """Groups and runs by name or number; runs by what the filter line understands, too."""

    async def search(self, query: str) -> Hits:
        """Yield what matches; the journal is read in a thread."""
        app = cast("AppPort", self.app)
        matcher = self.matcher(query)
        groups = app.snapshot.groups if app.snapshot else []
        named = [(matcher.match(safe(group.name)), group) for group in groups]
        found = sorted((pair for pair in named if pair[0] > 0), key=lambda pair: -pair[0])
        for score, group in found[:_MOST_GROUPS]:
            shown = Content.assemble("group ", matcher.highlight(safe(group.name)))
            run = partial(app.show_group, group.group_id)
            yield Hit(
                score, Content.assemble(shown, (f"  {group_state(group)}", "dim")), run, text=group.name
            )
        for job in await asyncio.to_thread(app.find_jobs, query):
            name = safe(f"#{job.number} {job.name or ''} {job.run_id}")
            state = cells.state_cell(job.state)
            shown = Content.assemble("run ", matcher.highlight(name), (f"  {state}", "dim"))
            yield Hit(max(_FAINT, matcher.match(name)), shown, partial(app.show_run, job, "log"), text=name)
