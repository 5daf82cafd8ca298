"""The terminal face: the same services as the window."""
