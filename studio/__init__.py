"""AIGC Studio: make text, images and speech with open models on your own computer."""

__version__ = "0.1.0"
