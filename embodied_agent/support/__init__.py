"""Small mechanisms that several packages share."""
