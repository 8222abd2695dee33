"""Plain values <-> the tree of frozen dataclasses, and every error on that way.

A field annotated with `Component` is a section whose `name` is the name of a file:
`generator: {name: demucs}` becomes the `Config` dataclass of `gan_sep/generators/demucs.py`.
"""

import dataclasses
import difflib
import importlib
import math
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from gan_sep.config.bounded import check_number


class ConfigError(ValueError):
    """A mistake in a configuration; the message begins with the dotted key."""


class OutOfBoundsError(ConfigError):
    """A number of the right kind that makes no sense."""


def require(condition: bool, message: str) -> None:
    """What a section demands of its values: the message begins with the field's name.

    Raises ValueError, which `load` turns into a ConfigError with the dotted key.
    """
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Component:
    """Marks a field whose section is built by the file gan_sep/FOLDER/NAME.py.

    default: the name of a section that says none, where it may leave it out.
    """

    folder: str
    default: str | None = None

    def names(self) -> list[str]:
        """The files of the folder that define a `Config`, without importing any."""
        folder = Path(__file__).parents[1] / self.folder
        files = sorted(folder.glob("[a-z]*.py"))
        return [f.stem for f in files if re.search(r"^class Config\b", f.read_text(), re.MULTILINE)]

    def config_class(self, name: str) -> type:
        """The `Config` dataclass of the named file."""
        package = f"gan_sep.{self.folder}".replace("/", ".")
        config_class: type = importlib.import_module(f"{package}.{name}").Config
        return config_class


def component_of(hint: Any) -> Component | None:
    """The component that a field's hint declares, None where it is another hint."""
    marks = getattr(hint, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, Component)), None)


def build(config_class: type, values: Any, key: str = "") -> Any:
    """A dataclass from a mapping of its fields; `key` is where it stands in the tree."""
    if not isinstance(values, dict):
        raise ConfigError(
            f"{key or 'configuration'}: expected a section of keys, got {shown(values)}"
        )
    hints = typing.get_type_hints(config_class, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}
    for name in values:
        if name not in fields:
            known = f"; known here: {', '.join(fields)}"
            raise ConfigError(
                f"{_dotted(key, name)}: unknown key{suggest(str(name), fields) or known}"
            )
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise ConfigError(f"{_dotted(key, name)}: missing value ({describe(hints[name])})")
    arguments = {n: convert(hints[n], v, _dotted(key, n)) for n, v in values.items()}
    try:
        return config_class(**arguments)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(_dotted(key, str(error))) from error


def convert(hint: Any, value: Any, key: str) -> Any:
    """A YAML value as the type that the field declares, or ConfigError with the dotted key."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        component = component_of(hint)
        return _component(component, value, key) if component else convert(arguments[0], value, key)
    if origin in (Union, types.UnionType):
        return _union(hint, value, key)
    if origin is Literal:
        if value not in arguments or type(value) not in map(type, arguments):  # True is no 1
            raise _wrong(hint, value, key, suggest(str(value), map(str, arguments)))
        return value
    if origin is tuple:
        return _tuple(hint, value, key)
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(hint, value, key)
        return {str(k): convert(arguments[1], v, _dotted(key, str(k))) for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, key)
    return _scalar(hint, value, key)


def _component(component: Component, value: Any, key: str) -> Any:
    if isinstance(value, str):
        value = {"name": value}
    named = isinstance(value, dict) and ("name" in value or component.default is not None)
    if not named:
        raise ConfigError(f"{key}.name: missing value (one of {', '.join(component.names())})")
    fields = dict(value)
    name, known = fields.pop("name", component.default), component.names()
    if name not in known:
        hint = suggest(str(name), known)
        raise ConfigError(
            f"{key}.name: no {key} called {name!r}{hint}; there are: {', '.join(known)}"
        )
    return build(component.config_class(name), fields, key)


def _union(hint: Any, value: Any, key: str) -> Any:
    options = typing.get_args(hint)
    if value is None and type(None) in options:
        return None
    errors = []
    for option in (option for option in options if option is not type(None)):
        try:
            return convert(option, value, key)
        except OutOfBoundsError:
            raise
        except ConfigError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    raise _wrong(hint, value, key)


def _tuple(hint: Any, value: Any, key: str) -> tuple[Any, ...]:
    types_ = typing.get_args(hint)
    if not isinstance(value, (list, tuple)):
        raise _wrong(hint, value, key)
    if types_[-1] is Ellipsis:
        return tuple(convert(types_[0], v, f"{key}[{i}]") for i, v in enumerate(value))
    if len(value) != len(types_):
        raise _wrong(hint, value, key)
    return tuple(
        convert(t, v, f"{key}[{i}]") for i, (t, v) in enumerate(zip(types_, value, strict=True))
    )


def _scalar(hint: Any, value: Any, key: str) -> Any:
    if hint is float and not isinstance(value, bool):
        # PyYAML reads 1e-4 as text (it wants 1.0e-4); researchers write 1e-4.
        try:
            return _bounded(float(value), key)
        except OverflowError:  # a whole number beyond all floats
            return _bounded(math.inf, key)
        except TypeError:
            raise _wrong(hint, value, key) from None
        except ValueError as error:
            raise (error if isinstance(error, ConfigError) else _wrong(hint, value, key)) from None
    if hint is Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise _wrong(hint, value, key)
        return Path(value).expanduser()
    if hint is int and type(value) is int:
        return _bounded(value, key)
    if hint in (str, bool) and type(value) is hint:
        return value
    if hint is typing.Any:
        return value
    raise _wrong(hint, value, key)


def _bounded(value: float, key: str) -> float:
    try:
        check_number(key, value)
    except ValueError as error:
        raise OutOfBoundsError(f"{key}: {error}") from error
    return value


def shown(value: Any) -> str:
    """A value in a message: its beginning and end where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:50]}...{text[-20:]}"


def _wrong(hint: Any, value: Any, key: str, more: str = "") -> ConfigError:
    return ConfigError(f"{key}: expected {describe(hint)}, got {shown(value)}{more}")


def describe(hint: Any) -> str:
    """A type in the words of the errors and of the reference."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is type(None):
        return "null"
    if origin is Annotated:
        return describe(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(map(describe, arguments))
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"a list of {describe(arguments[0])}"
        return f"a list of {len(arguments)} values ({', '.join(map(describe, arguments))})"
    if origin is dict:
        return f"a mapping to {describe(arguments[1])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return names.get(hint, "a path" if hint is Path else f"a section ({hint.__name__})")


def suggest(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names, as the end of an error; empty where none is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else str(name)


def to_dict(config: Any) -> Any:
    """The tree as plain YAML values, defaults included; a component's section says its name."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        hints = typing.get_type_hints(type(config), include_extras=True)
        fields = dataclasses.fields(config)
        return {f.name: named_dict(hints[f.name], getattr(config, f.name)) for f in fields}
    if isinstance(config, (list, tuple)):
        return [to_dict(item) for item in config]
    if isinstance(config, dict):
        return {key: to_dict(value) for key, value in config.items()}
    return str(config) if isinstance(config, Path) else config


def named_dict(hint: Any, value: Any) -> Any:
    """A field's plain values; what the hint declares a component begins with its name."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        return [named_dict(arguments[0], item) for item in value]
    name = _name_of(hint, value)
    return name | to_dict(value) if name else to_dict(value)


def _name_of(hint: Any, value: Any) -> dict[str, str]:
    """{"name": file name} where the hint declares a component and one is there, else {}."""
    hints = (
        typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    )
    if value is None or not any(map(component_of, hints)):
        return {}
    return {"name": type(value).__module__.rpartition(".")[2]}
