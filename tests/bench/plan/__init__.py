"""Is the planner right? Real architectures with random weights, predicted and then measured."""
