"""What losses share: magnitudes, ratios and logarithms."""
