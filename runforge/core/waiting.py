"""Why a queued job does not run. Light: nothing has to be known of the machine to say that no daemon is there."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.resources import Resources
    from runforge.core.scheduling import Capacity


def waiting_reason(  # noqa: PLR0911 - one reason a line
    *,
    daemon_live: bool,
    is_paused: bool,
    needs: Resources,
    capacity: Capacity | None,
    is_held: bool = False,
    blockers: int = 0,
    is_delayed: bool = False,
    is_at_limit: bool = False,
) -> str:
    """Return why a queued job is not running: what only a person or another run can change comes first.

    What is free need not be known where no daemon lives: that is the reason then.
    """
    if is_held:
        return "held"
    if blockers:
        return "dependency"
    if is_paused:
        return "group_paused"
    if not daemon_live or capacity is None:
        return "no_daemon"
    if is_delayed:
        return "not_before"
    if is_at_limit:
        return "group_limit"
    from runforge.core.scheduling import lacking

    return lacking(needs, capacity) or "turn_of_others"
