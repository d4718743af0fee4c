"""An attempt's folder: the protocol between daemon and supervisor, kept in files.

Belongs here: spec, start marker, exit record, cancel order, and reading them. Not here: the journal, starting
processes.
"""
