"""Writes files so that a crash leaves the old one or the new one, with the right permissions.

Nothing here knows what the files mean.
"""
