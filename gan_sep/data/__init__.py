"""Data sets: one file each, named as in the configuration's `data.name`."""
