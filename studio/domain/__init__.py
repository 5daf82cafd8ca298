"""What the words mean. Pure data and rules: no Qt, no torch, no network, no processes."""
