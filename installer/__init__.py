"""Sets the studio up and starts it, on a computer that has nothing but Python. Standard library only."""
