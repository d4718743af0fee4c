"""From a plan to its runs: which values each run gets.

Nothing here enqueues: a sweep is asked for overrides and gives them.
"""
