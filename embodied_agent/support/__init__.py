"""Small mechanisms that several rooms share, each once."""
