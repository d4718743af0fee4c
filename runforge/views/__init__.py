"""All that commands and screens show, read from one snapshot of the journal.

Nothing here changes anything. Its imports must stay small: `queue-status` imports it.
"""
