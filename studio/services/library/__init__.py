"""The models on this computer and those it could get."""
