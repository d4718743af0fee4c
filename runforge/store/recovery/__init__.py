"""A journal made anew from what a damaged one and the run folders still tell.

Used by `doctor --recover` alone.
"""
