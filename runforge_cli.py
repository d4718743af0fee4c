"""The module name that older clients call: `python -m runforge_cli` is `runforge`."""

from runforge.cli.main import main

if __name__ == "__main__":
    main()
