"""The commands that change what is queued, runs and groups alike, and their older names (see commands.py)."""

from __future__ import annotations

from runforge.cli.parameters import (
    GROUP,
    JSON,
    MOST,
    RUN,
    TARGETS,
    WHERE,
    WORKSPACE,
    YES,
    Command,
    argument,
    flag,
    option,
)

#: What chooses the runs, and what every such command has beside that.
_CHOICE = (TARGETS, WHERE, YES, WORKSPACE, JSON)
_FINISH = flag("--let-running-finish", "Cancel only what has not started.")
_ALONE = flag("--alone", "Do not queue those again that were canceled because it failed.")

CHANGE = (
    Command(
        "cancel",
        "steer:cancel",
        "Cancel runs and groups; running ones get TERM, 10 s later KILL.",
        (*_CHOICE, _FINISH),
        ends_at_once=True,
        examples=["runforge cancel 12 15-18", "runforge cancel --where 'state:queued lr>0.1' --yes"],
        aliases=["kill"],
    ),
    Command(
        "retry",
        "steer:retry",
        "Queue failed and canceled runs again; of a group the failed ones.",
        (*_CHOICE, _ALONE),
        ends_at_once=True,
        examples=["runforge retry @last", "runforge retry --where 'cause:oom group:lm'"],
    ),
    Command(
        "hold",
        "steer:hold",
        "Start queued runs no sooner than `release` says.",
        _CHOICE,
        ends_at_once=True,
        examples=["runforge hold 12 15-18"],
    ),
    Command(
        "release",
        "steer:release",
        "Let held runs start again.",
        _CHOICE,
        ends_at_once=True,
        examples=["runforge release 12", "runforge release --where state:queued"],
    ),
    Command(
        "pause",
        "steer:pause",
        "Start no more runs of groups; single runs are held.",
        (TARGETS, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge pause lm"],
    ),
    Command(
        "resume",
        "steer:resume",
        "Let paused groups, and held runs, start again.",
        (TARGETS, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge resume lm"],
    ),
    Command(
        "move",
        "steer:move",
        "Change the order of queued runs inside their group.",
        (
            *_CHOICE,
            flag("--front", "Before all others of their group."),
            flag("--back", "Behind all others of their group."),
            option("--before", "text", "Before this run.", metavar="RUN", completes="run"),
            option("--after", "text", "Behind this run.", metavar="RUN", completes="run"),
        ),
        ends_at_once=True,
        examples=["runforge move 18 --front", "runforge move 15-17 --after 20"],
    ),
    Command(
        "set-priority",
        "steer:set_priority",
        "Set the priority of runs, or of all live runs of groups.",
        (
            TARGETS,
            argument("priority", "int", "Higher starts first; the default is 0.", low=-MOST, high=MOST),
            WHERE,
            YES,
            WORKSPACE,
            JSON,
        ),
        ends_at_once=True,
        examples=["runforge set-priority @last 5"],
    ),
    Command(
        "remove",
        "removing:remove",
        "Forget ended runs and delete their folders; asks first.",
        (*_CHOICE, flag("--keep-files", "Only forget them: their folders stay.")),
        examples=["runforge remove 12 15-18", "runforge remove --where state:failed"],
        aliases=["rm"],
    ),
    Command(
        "prune",
        "removing:prune",
        "Forget old ended runs; their folders stay unless asked.",
        (
            option("--older-than", "text", "The age: 30d, 12h, 45m or 90s. Required without --orphaned."),
            WORKSPACE,
            flag("--delete-runs", "Also delete the run folders, with their models."),
            flag("--orphaned", "Delete the run folders that no job knows, instead."),
            flag("--dry-run", "Only say what would be removed."),
            YES,
            JSON,
        ),
        examples=["runforge prune --older-than 30d --dry-run", "runforge prune --orphaned"],
    ),
)

OLDER = (
    Command(
        "pause-group",
        "queue:pause_group",
        "Pause one group.",
        (GROUP, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge pause-group --group-id lm"],
    ),
    Command(
        "resume-group",
        "queue:resume_group",
        "Resume one group.",
        (GROUP, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge resume-group --group-id lm"],
    ),
    Command(
        "retry-failed",
        "queue:retry_failed",
        "Queue the failed runs of one group again.",
        (GROUP, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge retry-failed --group-id @last"],
    ),
    Command(
        "cancel-group",
        "queue:cancel_group",
        "Cancel one group.",
        (GROUP, WORKSPACE, _FINISH, JSON),
        ends_at_once=True,
        examples=["runforge cancel-group --group-id @last"],
    ),
    Command(
        "cancel-run",
        "queue:cancel_run",
        "Cancel one run.",
        (RUN, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge cancel-run @last"],
    ),
    Command(
        "retry-run",
        "queue:retry_run",
        "Queue one failed or canceled run again.",
        (RUN, WORKSPACE, JSON),
        ends_at_once=True,
        examples=["runforge retry-run @last"],
    ),
)
