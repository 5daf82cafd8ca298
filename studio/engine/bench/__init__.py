"""The micro-benchmark: what this computer takes for the pieces that models are made of."""
