"""Commands that belong to no task: what each does, without the command line around it."""
