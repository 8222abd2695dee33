"""Learning-rate schedules: the share of `lr` by step, the same for any number of processes."""
