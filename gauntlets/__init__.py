"""The acceptance gauntlets: G1 to G10 use the installed commands, the exported files and the process table.

The longer ones (chaos, failpoints, power cuts, system calls, mutants) also drive RunForge in their own process, and
read the journal to know what is true.
"""
