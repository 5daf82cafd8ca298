"""Whether a result is real, for `demo`: pure functions, each with a negative control in the tests."""
