"""The journal: the one source of truth, in SQLite. The only folder with SQL.

Belongs here: rows, transactions, migrations, guarded transitions. Not here: files of runs, processes.
"""
