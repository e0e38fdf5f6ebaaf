"""`python -m embodied_agent.cli`."""

from embodied_agent.cli.main import main

main()
