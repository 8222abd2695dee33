"""Everything in `gan_sep.fast` has its plain version, with the same arguments."""

import inspect
import pkgutil
from importlib import import_module
from typing import Any

import pytest
from torch import nn

import gan_sep.fast

MODULES = [each.name for each in pkgutil.iter_modules(gan_sep.fast.__path__)]
HELPERS = {"hann_window"}


@pytest.mark.parametrize("name", MODULES)
def test_every_function_and_layer_has_a_plain_version_of_equal_arguments(name: str) -> None:
    module = import_module(f"gan_sep.fast.{name}")
    own = {key: each for key, each in vars(module).items() if _is_of(module, each)}
    fast = {key.lower(): each for key, each in own.items() if not key.startswith(("_", "plain_"))}
    plain = {key.removeprefix("plain_"): each for key, each in own.items() if "plain_" in key}
    assert plain
    assert fast.keys() - HELPERS == plain.keys()
    for key, function in plain.items():
        assert _parameters(fast[key]) == _parameters(function)


def _is_of(module: Any, each: Any) -> bool:
    callable_ = inspect.isfunction(each) or (inspect.isclass(each) and issubclass(each, nn.Module))
    return callable_ and each.__module__ == module.__name__


def _parameters(function: Any) -> list[str]:
    """By their names; a layer's are those of its forward pass."""
    called = getattr(function, "forward", function)
    return [name for name in inspect.signature(called).parameters if name != "self"]
