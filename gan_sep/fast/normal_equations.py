"""The normal equations of BSSEval's filters: inner products of delayed signals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

FILTER_LENGTH = 512

# The correlations are summed over blocks of this many samples: a short transform stays in cache,
# and memory does not grow with the track.
_BLOCK = 8192 - (FILTER_LENGTH - 1)
_BLOCKS_AT_ONCE = 32


def plain_correlations(images: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The sums over t of image_a(t) signal_b(t + lag), for images and for targets as signals.

    images (A, T), targets (E, T), on any device -> auto (A, A, 2L - 1), lags 1 - L to L - 1, and
    cross (A, E, L), lags 0 to L - 1, L being the filters' length.
    """
    around = F.pad(torch.cat([images, targets]).double(), (FILTER_LENGTH - 1, FILTER_LENGTH - 1))
    lagged = around.unfold(-1, images.shape[-1], 1)  # (A + E, 2L - 1, T)
    sums = torch.einsum("at,blt->abl", images.double(), lagged).cpu().numpy()
    return sums[:, : len(images)], sums[:, len(images) :, FILTER_LENGTH - 1 :]


def correlations(images: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    A, overhang = images.shape[0], FILTER_LENGTH - 1
    length, stride = _BLOCK + overhang, _BLOCK * _BLOCKS_AT_ONCE
    shape = (A, A + targets.shape[0], length // 2 + 1)
    total = images.new_zeros(shape, dtype=torch.complex128)  # (A, A + E, F)
    for start in range(0, images.shape[-1], stride):
        now = slice(start, start + stride + overhang)
        ahead = images.new_zeros((shape[1], stride + overhang), dtype=torch.float64)
        for rows, signals in ((ahead[:A], images[:, now]), (ahead[A:], targets[:, now])):
            rows[:, : signals.shape[-1]] = signals
        left = torch.fft.rfft(ahead[:A, :stride].unfold(-1, _BLOCK, _BLOCK), length)
        right = torch.fft.rfft(ahead.unfold(-1, length, _BLOCK), length)  # (A + E, blocks, F)
        total += torch.einsum("anf,bnf->abf", left.conj(), right)
    lagged = torch.fft.irfft(total, length)[..., :FILTER_LENGTH].cpu().numpy()  # (A, A + E, L)
    auto, cross = lagged[:, :A], lagged[:, A:]
    earlier = auto.swapaxes(0, 1)[..., :0:-1]  # lags 1 - L to -1
    return np.concatenate([earlier, auto], -1), cross


@dataclass(frozen=True)
class NormalEquations:
    """Of the filters that take A images to E targets.

    auto: (A, A, 2L - 1) and cross: (A, E, L) as `correlations` returns them.
    energies: (E,), of the targets.
    """

    auto: np.ndarray
    cross: np.ndarray
    energies: np.ndarray

    def block(self, signals: slice) -> "NormalEquations":
        """The equations of some images and their targets by themselves."""
        return NormalEquations(
            self.auto[signals, signals], self.cross[signals, signals], self.energies[signals]
        )

    def matrix(self) -> np.ndarray:
        """Inner products of delayed images, (A*L, A*L): block Toeplitz, a copy, as LAPACK likes it.

        LAPACK overwrites without a copy what lies in memory column by column.
        """
        A = len(self.auto)
        # windows[a, b, i, j] holds lag i + j + 1 - L; delays i and k are i - k apart.
        windows = np.lib.stride_tricks.sliding_window_view(self.auto, FILTER_LENGTH, axis=-1)
        by_column = windows[..., ::-1].transpose(1, 3, 0, 2)  # (A, L, A, L), columns first
        return np.array(by_column, order="C").reshape((A * FILTER_LENGTH,) * 2).T

    def right_sides(self) -> np.ndarray:
        """Inner products of delayed images with targets, (A*L, E)."""
        return self.cross.swapaxes(1, 2).reshape(-1, self.cross.shape[1])

    def filters(
        self, channels: int, solve: Callable[["NormalEquations"], np.ndarray]
    ) -> tuple[Tensor, Tensor]:
        """Solved as `gan_sep.fast.filters` returns them; solve: equations -> taps (A*L, E)."""
        # The small systems come first: where one cannot be solved, the large one cannot either.
        starts = range(0, len(self.auto), channels)
        own = [_by_pair(solve(self.block(slice(each, each + channels)))) for each in starts]
        return torch.stack(own), _by_pair(solve(self))


def _by_pair(taps: np.ndarray) -> Tensor:
    """(A*L, E) -> (A, E, L)."""
    by_image = taps.reshape(-1, FILTER_LENGTH, taps.shape[1])  # (A, L, E)
    return torch.from_numpy(np.ascontiguousarray(by_image.swapaxes(1, 2)))
