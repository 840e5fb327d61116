"""The command ``engine``."""

import sys

from ._engine import command_line


def main():
    """Runs the command line of this process."""
    sys.exit(command_line(["engine", *sys.argv[1:]]))
