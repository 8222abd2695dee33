"""What metrics share: frames, and the least-squares filters of BSSEval."""
