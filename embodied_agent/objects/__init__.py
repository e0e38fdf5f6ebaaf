"""From mentions to objects: where each is, whether it is still there, where to see it from."""
