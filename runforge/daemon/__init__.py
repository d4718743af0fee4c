"""The daemon: one loop that learns what ended, writes it down and starts what may start."""
