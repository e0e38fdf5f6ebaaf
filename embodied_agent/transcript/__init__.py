"""The text that the reasoner reads: one line per delta, and what recall adds to it."""
