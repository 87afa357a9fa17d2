"""Run the command line with ``python -m maskforge``."""

from maskforge.cli.app import main

if __name__ == "__main__":
    main()
