"""Where attempts run. `base` says what a backend can do; each backend has a folder of its own.

A backend launches attempts, reports what ended, inspects, stops and cleans up. It never decides what happens
to a job, and it never sees the journal.
"""
