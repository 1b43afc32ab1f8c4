"""Commands that belong to no task, as functions without the command line."""
