"""The folder of an attempt: the files by which daemon and supervisor talk to each other.

Belongs here: spec, start marker, exit record, cancel order, and reading them. Not here: the journal, starting
processes.
"""
