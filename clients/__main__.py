"""`python -m clients` is the `party` command."""

from clients.cli import main

main()
