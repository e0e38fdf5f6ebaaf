"""Checks of what works on this machine and on the configured servers."""
