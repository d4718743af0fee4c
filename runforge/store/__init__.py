"""The store: the SQLite journal of a workspace. The only package that imports SQLite."""
