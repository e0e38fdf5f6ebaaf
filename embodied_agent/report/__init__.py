"""The HTML report of a replay, and the scoring of answers against known truths."""
