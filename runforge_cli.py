"""The module name that older clients call: `python -m runforge_cli` is `runforge`."""

from runforge.__main__ import main

if __name__ == "__main__":
    main()
