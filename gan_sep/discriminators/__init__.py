"""Discriminators: one file each, named as in the configuration's `discriminator.name`."""
