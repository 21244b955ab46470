"""`python -m serving.cli` is the command line."""

from serving.cli import main

main()
