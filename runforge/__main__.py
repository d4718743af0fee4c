"""`python -m runforge`."""

from runforge.cli.main import main

if __name__ == "__main__":
    main()
