"""Where attempts run. `base` says what a backend can do; each backend has a folder of its own.

A backend launches, tells what ended, inspects, stops and cleans up. It never decides what a job becomes, and
never sees the journal.
"""
