"""Headers of real checkpoints without their data, made from the architectures: `python -m tests.layouts`."""
