"""Small inputs of every kind, made by the libraries that make real ones."""
