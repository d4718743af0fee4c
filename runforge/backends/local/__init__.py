"""Attempts on this machine: supervisors forked by zygotes, watched through kernel handles."""
