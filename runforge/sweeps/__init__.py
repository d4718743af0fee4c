"""Makes the runs of a plan: which values each run gets.

Nothing here enqueues: a sweep only returns the overrides of its runs.
"""
