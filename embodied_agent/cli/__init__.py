"""The command `embodied-agent`; each subcommand is a module."""
