"""Attempts on this machine: supervisors forked by zygotes, watched by the kernel's handles."""
