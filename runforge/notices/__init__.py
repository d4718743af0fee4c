"""Notices: what the journal's outbox holds is told to programs, web addresses and Apprise's services.

A process of its own sends; the daemon never waits for it. Addresses come from config.toml and go nowhere else.
"""
