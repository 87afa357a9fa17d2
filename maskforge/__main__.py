"""Run the command line with ``python -m maskforge``.

Python itself looks into the working folder first then, and so may find another ``maskforge`` there;
the command ``maskforge`` and ``python -P -m maskforge`` do not.
"""

import os  # a part of Python itself, unlike pathlib
import sys

if __name__ == "__main__" and not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109
    del sys.path[0]

from maskforge.cli.app import main

if __name__ == "__main__":
    main()
