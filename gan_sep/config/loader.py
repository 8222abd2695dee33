"""YAML files and overrides -> the tree of frozen dataclasses, and every error on that way.

The dataclass fields hold the defaults, the files hold differences, `base: other.yaml` inherits, and
`key.path=value` on the command line overrides both. `gan_sep.config.values` makes the tree.
"""

import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gan_sep.config.bounded import parse_yaml, read_text
from gan_sep.config.values import (
    Component,
    ConfigError,
    build,
    describe,
    require,
    shown,
    suggest,
    to_dict,
)

__all__ = ["Component", "ConfigError", "build", "describe", "load", "require", "to_dict"]

Root = TypeVar("Root")


def load(root: type[Root], path: Path, overrides: Iterable[str | Mapping[str, Any]] = ()) -> Root:
    """Read a YAML file with its bases, apply overrides, build the tree of `root`.

    overrides: `key.path=value`, or nested mappings of keys.

    Raises ConfigError naming the file, or the dotted key with what was expected and found.
    """
    values = read_yaml(path)
    for override in overrides:
        changes = _parse_override(override) if isinstance(override, str) else override
        values = _merge(values, changes)
    tree: Root = build(root, values)
    return tree


def read_yaml(path: Path, inherited_by: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The mapping in a YAML file, merged over that of its `base`, which is relative to the file."""
    if path in inherited_by:
        raise ConfigError(f"{path}: inherits from itself through `base`")
    if not path.is_file():
        siblings = [str(p) for p in sorted(path.parent.glob("*.yaml"))]
        raise ConfigError(f"{path}: no such configuration file{suggest(str(path), siblings)}")
    try:
        values = parse_yaml(read_text(path)) or {}
    except ValueError as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, got {type(values).__name__}")
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"{path}: base: expected a path, got {shown(base)}")
    return _merge(read_yaml((path.parent / base).resolve(), (*inherited_by, path)), values)


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key or not all(key.split(".")):
        raise ConfigError(f"{text}: expected an override of the form key.path=value")
    try:
        tree: Any = parse_yaml(value)
    except ValueError as error:
        said = f"value {shown(value)} is not readable as YAML: {error}"
        raise ConfigError(f"{key}: {said}") from error
    for part in reversed(key.split(".")):
        tree = {part: tree}
    return typing.cast(dict[str, Any], tree)


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` over it; a section of another `name` replaces the base's section."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            renamed = "name" in value and value["name"] != old.get("name")
            merged[key] = value if renamed else _merge(old, value)
        else:
            merged[key] = value
    return merged
