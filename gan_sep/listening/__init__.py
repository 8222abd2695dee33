"""Listeners' ratings and what they say."""
