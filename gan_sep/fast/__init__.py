"""What networks, losses and metrics spend their time in, computed faster than PyTorch does it.

Each file begins with plain functions: a few lines of PyTorch that say what is computed. Below is
the same without the prefix `plain_`, with equal arguments, values and gradients, for a CPU most of
all; that is what the package calls. The plain ones are for readers, and for the tests, which hold
each pair together. One more pair, `plain_bss_eval` and `bss_eval`, is a metric, and stands in
gan_sep/evaluation/metrics/bsseval.py.
"""
