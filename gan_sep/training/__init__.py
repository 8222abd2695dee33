"""Training: one step of each player, the loop around it, checkpoints, records, diagnosis."""
