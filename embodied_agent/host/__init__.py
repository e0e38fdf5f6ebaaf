"""What runs an agent for long: its interfaces, its source, its log, its supervisor."""
