"""The daemon: the loop that starts runs, learns how they ended, and writes it down."""
