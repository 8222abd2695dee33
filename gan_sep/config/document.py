"""The configuration's reference in Markdown, read from the dataclasses and the comments in them."""

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gan_sep.config.loader import describe
from gan_sep.config.values import component_of, named_dict

HEAD = """\
# Configuration

Every key, its type, its default and what it means. A YAML file holds what differs from the
defaults. `base: other.yaml` inherits from a file, and `key.path=value` on the command line
overrides both. A section with a `name` is a component: the name is that of a file, and another name
in its place means another network, loss or data set. This page is what
`python experiments/configuration.py` prints.
"""


def reference(roots: Mapping[str, type]) -> str:
    """Markdown: a table of the keys of each root, and of each section and component below it.

    roots: by their titles. What two of them share is told below the first.
    """
    parts, seen = [HEAD], set(roots.values())
    for title, root in roots.items():
        parts += [f"## {title}\n", _table(root)]
        for _, below, section in sections(root):
            if section not in seen:
                seen.add(section)
                parts += [f"## {below}\n", _table(section)]
    return "\n".join(parts)


def comments(section: type) -> dict[str, str]:
    """What the comment on a field's line, or directly above it, says: field -> text."""
    found: dict[str, str] = {}
    for each in reversed(section.__mro__):
        if dataclasses.is_dataclass(each):
            found |= _own_comments(each)
    return found


def _own_comments(section: type) -> dict[str, str]:
    lines = textwrap.dedent(inspect.getsource(section)).splitlines()
    found: dict[str, str] = {}
    for node in ast.iter_child_nodes(ast.parse("\n".join(lines)).body[0]):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            first = node.lineno - 1
            while lines[first - 1].lstrip().startswith("#"):
                first -= 1
            said = (line.partition("# ")[2] for line in lines[first : node.end_lineno])
            found[node.target.id] = " ".join(filter(None, said))
    return found


def _table(section: type) -> str:
    hints = typing.get_type_hints(section, include_extras=True)
    meanings = comments(section)
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(section):
        if field.init:
            cells = (
                f"`{field.name}`",
                _type(hints[field.name]),
                _default(field, hints[field.name]),
                meanings.get(field.name, ""),
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if len(lines) == 2:
        return "There is nothing to set.\n"
    return "\n".join(lines) + "\n"


def _type(hint: Any) -> str:
    if component := component_of(hint):
        return f"a component of [{component.folder}](../gan_sep/{component.folder})"
    arguments = [each for each in typing.get_args(hint) if component_of(each)]
    return _type(arguments[0]) if arguments else describe(hint)


def _default(field: "dataclasses.Field[Any]", hint: Any) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
        if dataclasses.is_dataclass(value):
            return "its defaults"
    else:
        return "required"
    text = yaml.safe_dump(named_dict(hint, value), default_flow_style=True, width=1000).strip()
    return f"`{text.removesuffix('...').strip()}`"


def sections(
    section: type, key: str = "", above: tuple[type, ...] = ()
) -> Iterator[tuple[str, str, type]]:
    """Dotted key, title and class of all sections below one, in the order of its fields.

    A component that may hold one of its own kind has it once.
    """
    for name, hint in typing.get_type_hints(section, include_extras=True).items():
        path = f"{key}.{name}" if key else name
        for title, found in _inner(hint, path):
            if found not in above:
                yield path, title, found
                yield from sections(found, path, (*above, found))


def _inner(hint: Any, path: str) -> Iterator[tuple[str, type]]:
    """Titles and classes of the sections and components that a field may hold."""
    if component := component_of(hint):
        for name in component.names():
            yield f"{path}: {{name: {name}}}", component.config_class(name)
    elif dataclasses.is_dataclass(hint):
        yield path, typing.cast(type, hint)
    else:
        for argument in typing.get_args(hint):
            yield from _inner(argument, path)
