"""Paired comparisons of numbers; knows no audio."""
