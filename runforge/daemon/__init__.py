"""The daemon: one loop that sees which runs ended, records it and starts the next ones."""
