"""Ranges of a configuration's values; null is in every range, NaN in none.

    def __post_init__(self) -> None:
        at_least(1, self, "channels", "depth")

Each takes the configuration and the names of its fields, and raises ValueError of the first value
outside the range.
"""

import typing
from collections.abc import Callable

SHORTEST_SECONDS = 0.001  # of what is cut out of a signal: a sample at the lowest rate


def at_least(least: float, config: object, *names: str) -> None:
    """The least value and all above."""
    _each(config, names, lambda value: value >= least, f"at least {least}")


def positive(config: object, *names: str) -> None:
    """All above 0."""
    _each(config, names, lambda value: value > 0, "more than 0")


def between(least: float, most: float, config: object, *names: str) -> None:
    """The least value, the most, and all between them."""
    _each(config, names, lambda value: least <= value <= most, f"{least} to {most}")


def share(config: object, *names: str) -> None:
    """0 to 1, both in it."""
    between(0, 1, config, *names)


def below_one(config: object, *names: str) -> None:
    """0 to 1 without 1."""
    _each(config, names, lambda value: 0 <= value < 1, "[0, 1)")


def _each(
    config: object, names: tuple[str, ...], inside: Callable[[float], bool], expected: str
) -> None:
    for name in names:
        value = getattr(config, name)
        if value is not None and not inside(value):
            nullable = type(None) in typing.get_args(typing.get_type_hints(type(config))[name])
            raise ValueError(
                f"{name}: expected {expected}{' or null' if nullable else ''}, got {value}"
            )
