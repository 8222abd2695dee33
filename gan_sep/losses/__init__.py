"""Losses: reconstruction in time and on magnitudes, and the adversarial terms of both players."""
