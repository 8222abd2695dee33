"""Weights of others: files of the package demucs, its bags and folders, and our own exports."""
