"""Resampling by two with a windowed sinc, written as matrix products over blocks of samples.

A filter of 101 taps on one channel keeps a convolution routine busy with bookkeeping, above all in
its backward pass. Cut into blocks at least as long as the filter, every block of output is a fixed
linear map of two neighbouring blocks of input: two matrix products, whose gradient is again two.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

ZERO_CROSSINGS = 24  # of the sinc, on each side
ROLLOFF = 0.945  # cut-off, as a share of the lower Nyquist frequency
REACH = 25  # samples of the lower rate on each side whose weight is not zero
BLOCK = 64  # samples of the lower rate


def _windowed_sinc(distances: np.ndarray) -> Tensor:
    """Weights of inputs for outputs, rows summing to 1.

    distances: (outputs, inputs), from output to input in samples of the lower rate.
    """
    crossings = np.clip(distances * ROLLOFF, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    weights = np.sinc(crossings) * np.cos(np.pi * crossings / ZERO_CROSSINGS / 2) ** 2
    return torch.from_numpy(weights / weights.sum(-1, keepdims=True)).float()


def plain_upsample2(signals: Tensor) -> Tensor:
    """Twice the sample rate, (B, C, T) -> (B, C, 2 T), the signal being held beyond its edges.

    Interpolation with a sinc of 24 zero crossings under a Hann window, cut off at 0.945 of the
    input's Nyquist frequency, each phase normalised so that a constant stays the same. Those are
    the default filters of julius (Défossez, 2020), with which Demucs v2 was trained.
    """
    padded = F.pad(signals, (REACH, REACH), mode="replicate").flatten(0, 1)[:, None]
    distances = np.array([[0.0], [0.5]]) - np.arange(-REACH, REACH + 1)  # of both phases
    phases = F.conv1d(padded, _windowed_sinc(distances)[:, None])  # (B * C, 2, T)
    return phases.mT.flatten(1).unflatten(0, signals.shape[:2])


def plain_downsample2(signals: Tensor) -> Tensor:
    """Half the sample rate, (B, C, T) -> (B, C, floor(T / 2)), with the filter of upsampling."""
    padded = F.pad(signals, (2 * REACH, 2 * REACH), mode="replicate").flatten(0, 1)[:, None]
    distances = np.arange(-2 * REACH, 2 * REACH + 1)[None] / 2
    halved = F.conv1d(padded, _windowed_sinc(distances)[:, None], stride=2)
    return halved[:, 0, : signals.shape[2] // 2].unflatten(0, signals.shape[:2])


class _BlockFilter(nn.Module):
    """A linear, time-invariant map from blocks of `block_in` samples to blocks of `block_out`.

    Sample o of an output block is the sum over i of weights[o, i] * x[i - margin], where x[0] is
    the first sample of its input block; beyond its edges the signal is held constant.
    weights: (block_out, I), block_in < I <= 2 * block_in.
    """

    this_block: Tensor
    next_block: Tensor

    def __init__(self, weights: Tensor, block_in: int, margin: int) -> None:
        super().__init__()
        self.block_in = block_in
        self.block_out = len(weights)
        self.margin = margin
        padded = F.pad(weights, (0, 2 * block_in - weights.shape[1]))  # (block_out, 2 block_in)
        this_block, next_block = padded.T.contiguous().chunk(2)  # each (block_in, block_out)
        # Not persistent: published state dicts know nothing of them.
        self.register_buffer("this_block", this_block, persistent=False)
        self.register_buffer("next_block", next_block, persistent=False)

    def forward(self, signals: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, floor(T * block_out / block_in)), in float32 even under autocast."""
        length = signals.shape[-1] * self.block_out // self.block_in
        num_blocks = math.ceil(signals.shape[-1] / self.block_in) + 1
        right = num_blocks * self.block_in - signals.shape[-1] - self.margin
        with torch.autocast(signals.device.type, enabled=False):
            padded = F.pad(signals.float(), (self.margin, right), mode="replicate")
            blocks = padded.unflatten(-1, (num_blocks, self.block_in))  # (B, C, blocks, block_in)
            outputs = blocks[:, :, :-1] @ self.this_block + blocks[:, :, 1:] @ self.next_block
        return outputs.flatten(2)[..., :length]


class Upsample2(_BlockFilter):
    """Twice the sample rate: (B, C, T) -> (B, C, 2 T); see `plain_upsample2`."""

    def __init__(self) -> None:
        outputs = np.arange(2 * BLOCK)[:, None] / 2  # places, in samples of the input
        inputs = np.arange(-REACH, BLOCK + REACH)
        super().__init__(_windowed_sinc(outputs - inputs), block_in=BLOCK, margin=REACH)


class Downsample2(_BlockFilter):
    """Half the sample rate: (B, C, T) -> (B, C, floor(T / 2)); see `plain_downsample2`."""

    def __init__(self) -> None:
        outputs = np.arange(BLOCK)[:, None]
        inputs = np.arange(-2 * REACH, 2 * (BLOCK + REACH)) / 2  # places, in samples of the output
        super().__init__(_windowed_sinc(outputs - inputs), block_in=2 * BLOCK, margin=2 * REACH)
