"""What a request costs, apart from any machine: counted from a model's shapes, never looked up by name."""
