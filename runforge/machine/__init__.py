"""This computer: its processes, GPUs, disk space and load. One reader for each.

Nothing here knows of jobs or attempts.
"""
