"""How the outside world reaches an agent: thin translations that decide nothing."""
