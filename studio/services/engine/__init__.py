"""The studio's side of the engine process: start it, talk to it, outlive it."""
