"""How fast the bench is, and how much memory it takes: tables for `experiments/benchmark.py`."""
