"""DCGAN generators."""
