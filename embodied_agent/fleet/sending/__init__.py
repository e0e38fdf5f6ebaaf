"""A robot's side: its memory goes to the fleet server."""
