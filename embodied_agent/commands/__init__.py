"""The subcommands of `embodied-agent`, one module each: they translate, and decide nothing."""
