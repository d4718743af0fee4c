"""What the states of things are called when a person reads them, on every screen and in every command."""

from __future__ import annotations

#: waiting reason -> words
WAITING = {
    "no_daemon": "no daemon is running",
    "group_paused": "its group is paused",
    "no_free_slot": "all slots are in use",
    "no_gpu_slot": "all GPU slots are in use",
    "turn_of_others": "it is next, or others' turn",
}

#: The same in a word or two, for lists: what the job waits for.
WAITING_BRIEF = {
    "no_daemon": "daemon",
    "group_paused": "paused",
    "no_free_slot": "slot",
    "no_gpu_slot": "gpu slot",
    "turn_of_others": "next",
}
