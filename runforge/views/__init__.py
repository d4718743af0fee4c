"""The read door: what commands and screens show, from one snapshot of the journal.

Nothing here changes anything. It stays light: `queue-status` imports it.
"""
