"""The command line: parse, call, show. Heavy modules are imported by the command that needs them."""
