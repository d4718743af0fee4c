"""Pure rules and plain records: states, resources, scheduling, how an attempt ends, which run is best.

Nothing here reads a file, a clock or the journal. It may import nothing of RunForge but `core` itself.
"""
