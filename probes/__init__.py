"""Questions put to a model: pure functions from a checkpoint or a trace to numbers. Knows no screen."""
