"""Numbers as people say them: the domain's, which the terminal uses too."""

from studio.domain.quantity import clock, duration, gigabytes, size, speed

__all__ = ["clock", "duration", "gigabytes", "size", "speed"]
