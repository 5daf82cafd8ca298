"""Getting models, in a helper process that may be killed at any moment."""
