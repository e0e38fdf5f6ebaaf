"""A long-running agent: its interfaces, its source, its log, its supervisor."""
