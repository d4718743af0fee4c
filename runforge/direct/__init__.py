"""`run` and `sweep` in the foreground, without a daemon."""
