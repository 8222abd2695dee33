"""YAML files -> typed, frozen dataclasses."""
