"""How the world outside reaches an agent: thin translations that decide nothing."""
