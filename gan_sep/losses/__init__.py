"""Losses: reconstruction in time, and the adversarial terms of both players."""
