"""The server: takes in what robots send, and answers questions about them."""
