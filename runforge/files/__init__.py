"""Writing files so that a crash leaves the old one or the new one, and with whose rights.

Nothing here knows what the files mean.
"""
