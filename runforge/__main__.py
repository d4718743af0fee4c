"""`python -m runforge`, and what the installed commands call."""

import sys

from runforge import own_python

TYPE_CHECKING = False  # `typing` would be imported before the guard
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command line, with modules of the user's out of the way."""
    own_python.guard()
    from runforge import bytecode

    bytecode.load_for(sys.argv[1:])
    from runforge.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
