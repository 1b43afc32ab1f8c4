"""`python -m fovea`, for where the command is not on the path."""

from fovea.cli import main

main()
