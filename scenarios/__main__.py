"""`python -m scenarios` is `evo`."""

import gc
import sys


def main() -> int:
    # From 700: what is imported stays, and to look through it again and again takes a fifth of the time of importing it.
    gc.set_threshold(100_000)
    from scenarios.lab.cli.commands import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
