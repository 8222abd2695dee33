"""Losses: how far estimates are from the true sources, in time, on magnitudes and on features."""
