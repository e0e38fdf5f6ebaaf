"""LeRobot data sets: as a source, and written from a memory."""
