"""One folder per model family: `spec.py` (data), `pipeline.py` (the engine's half), `text.*.json`."""
