"""A device that is not the CPU, for machines without one: the CPU behind another name.

It knows its own tensors only, as a GPU does: an operation on a tensor of this device and one of
the CPU is an error, unless the latter is a single number or an index, and so is `.numpy()`. What
runs on it and gives the CPU's numbers has put every tensor where it belongs. Of the kernels of a
real GPU it says nothing. torch keeps the key PrivateUse1 for devices that it does not know; a
process that has called `register` has one more for good.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("privateuseone:0")
CPU = torch.device("cpu")

_TRANSFERS = ("aten::copy_", "aten::_to_copy")
_BY_INDEX = ("aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_")
# What torch calls from its own code, below the modes that see a program's operations.
_FROM_WITHIN = (
    "empty_strided.default",
    "empty.memory_format",
    "copy_.default",
    "_copy_from.default",
)

_registered: list[torch.library.Library] = []


class OnDevice(Tensor):
    """A tensor of the device. on_cpu: the tensor that holds its values."""

    on_cpu: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "OnDevice":
        wrapper: OnDevice = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        wrapper.on_cpu = inner
        return wrapper

    def tolist(self) -> Any:
        return self.on_cpu.tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(operation, args, kwargs or {})


class AnotherDevice(TorchDispatchMode):
    """Inside it, tensors can be made on the device and sent to it."""

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(operation, args, kwargs or {})


class _Module(backend_registration._DummyBackendModule):
    """What autocast asks of a device."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def register() -> None:
    """Makes the device known to torch in this process."""
    backend_registration._setup_privateuseone_for_python_backend(backend_module=_Module())
    library = torch.library.Library("aten", "IMPL")
    _registered.append(library)  # it would be undone with the object
    for name in _FROM_WITHIN:
        overload, _, kind = name.partition(".")
        operation = getattr(getattr(torch.ops.aten, overload), kind)
        library.impl(
            operation,
            lambda *args, _operation=operation, **kwargs: _run(_operation, args, kwargs),
            "PrivateUse1",
        )


def _run(operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The operation on the CPU; its results are of the device if its tensors are."""
    tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    here = any(isinstance(tensor, OnDevice) for tensor in tensors)
    _check_one_device(operation, tensors)
    if kwargs.get("device") is not None:
        here = torch.device(kwargs["device"]) == DEVICE
        kwargs = {**kwargs, "device": CPU}
    args, kwargs = pytree.tree_map(_inner, (args, dict(kwargs)))
    result = _KERNELS.get(operation.name(), operation)(*args, **kwargs)
    given = {id(_inner(tensor)): tensor for tensor in tensors}  # what is changed in place

    def outer(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        return given.get(id(leaf), OnDevice(leaf.resolve_conj()) if here else leaf)

    return pytree.tree_map(outer, result)


def _check_one_device(operation: Any, tensors: list[Tensor]) -> None:
    """Raises RuntimeError where a GPU would."""
    name = operation.name()
    if name in _TRANSFERS or name.removesuffix(".out") in _BY_INDEX:
        return
    if any(isinstance(tensor, OnDevice) for tensor in tensors):
        strangers = [t for t in tensors if not isinstance(t, OnDevice) and t.ndim]
        if strangers:
            shape = tuple(strangers[0].shape)
            raise RuntimeError(f"{name}: a tensor of the CPU, {shape}, meets one of {DEVICE}")


def _lstm_cell(
    from_input: Tensor, from_hidden: Tensor, cell: Tensor, *biases: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The step of an LSTM that torch has in one piece for GPUs alone."""
    gates = from_input + from_hidden + sum(biases)
    enter, forget, new, leave = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * cell.tanh(), cell, gates


_KERNELS: Mapping[str, Any] = {"aten::_thnn_fused_lstm_cell": _lstm_cell}


def _inner(leaf: Any) -> Any:
    return leaf.on_cpu if isinstance(leaf, OnDevice) else leaf
