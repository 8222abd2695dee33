"""Bidirectional LSTMs over time, of whole signals and of overlapping frames of them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BLSTM(nn.Module):
    """A bidirectional LSTM over time and a linear map back: (B, C, T) -> (B, C, T)."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, layers, bidirectional=True)
        self.linear = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(2, 0, 1)  # (T, B, C)
        x = self.linear(self.lstm(x)[0])
        return x.permute(1, 2, 0)  # (B, C, T)


class FramedBLSTM(BLSTM):
    """x + BLSTM(x); more than `steps` time steps in half-overlapping frames of so many.

    Of each frame's output the middle half is kept, of the first and the last also the outer
    quarter, so that no step is computed with less than steps / 4 neighbours on either side.
    """

    def __init__(self, channels: int, layers: int = 2, steps: int = 200) -> None:
        super().__init__(channels, layers)
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        if x.shape[-1] <= self.steps:
            return x + super().forward(x)
        hop, edge = self.steps // 2, self.steps // 4
        padded = F.pad(x, (0, -x.shape[-1] % hop + self.steps - hop))
        frames = padded.unfold(-1, self.steps, hop)  # (B, C, N, steps)
        N = frames.shape[2]
        y = super().forward(frames.transpose(1, 2).flatten(0, 1))  # (B * N, C, steps)
        y = y.unflatten(0, (-1, N)).transpose(1, 2)  # (B, C, N, steps)
        middle = y[..., edge : edge + hop].flatten(2)  # (B, C, N * hop)
        y = torch.cat([y[:, :, 0, :edge], middle, y[:, :, -1, edge + hop :]], -1)
        return x + y[..., : x.shape[-1]]
