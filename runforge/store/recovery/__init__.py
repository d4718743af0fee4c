"""Makes a new journal from a damaged one and from the run folders.

Only `doctor --recover` uses it.
"""
