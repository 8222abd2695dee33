"""Evaluation: whole tracks -> rows (seed, arm, track, source, metric, value) -> statistics."""
