"""Training: `loop` takes the steps, `schedule` sets the rate, `run` keeps what a run leaves on disk."""
