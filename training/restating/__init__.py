"""Teaching a language model to restate questions in plain words: phrasings, rows, measuring."""
