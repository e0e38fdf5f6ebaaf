"""`python -m embodied_agent.cli`."""

from embodied_agent.cli.entry import main

main()
