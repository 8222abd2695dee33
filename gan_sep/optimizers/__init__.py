"""Optimizers of the generator."""
