"""The memory on disk: keyframes, deltas, questions and answers in one SQLite file."""
