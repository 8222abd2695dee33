"""Everything that makes it adversarial training."""
