"""Generators: one file each, named as in the configuration's `generator.name`."""
