"""`python -m scenarios` is `evo`."""

import sys


def main() -> int:
    from scenarios.lab.cli.commands import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
