"""What is done with a model's files: made smaller, thinner, faster, other. Inside the engine; no Qt.

Each method is a module with `work(context, run)`, reached by its name only, so that an ordinary engine starts
without it.
"""
