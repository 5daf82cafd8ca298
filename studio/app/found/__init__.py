"""The user's own models before they are used: dropped on the window, or found by looking for them."""
