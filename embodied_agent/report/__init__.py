"""The HTML report of a replay, and scoring answers against known truths."""
