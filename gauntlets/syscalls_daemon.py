"""`python -m gauntlets.syscalls_daemon ...`: RunForge's command line, whose shim acts in it, for the syscalls gauntlet.

The warm zygote imports no more than the bare one: a case then takes seconds, and nothing in it trains.
"""

from runforge.backends.local import launcher
from runforge.cli.main import main

if __name__ == "__main__":
    launcher.WARMUP = launcher.FINISH
    main()
