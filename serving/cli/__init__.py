"""The command line `greenlane`: one module a group of commands, heavy libraries imported only where they are used."""

from serving.cli.root import main

__all__ = ["main"]
