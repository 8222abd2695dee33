"""What of an estimate's spectrum can be made from the true sources' spectra, bin by bin.

In sliding windows of half a second, which overlap by half and fade into each other, each bin of the
estimate is fitted by complex least squares to the same bin of all sources in the frame before, the
same frame and the next. The sources can so be louder, filtered and moved a little; what the fit
does not reach is artefact.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW_SECONDS = 0.5
LAGS = (-1, 0, 1)  # frames

# Added to the diagonal, relative to its mean: frames overlap, and so neighbours are much alike.
_RIDGE = 1e-6

# Systems of equations that are solved at once: as many as stay in a CPU's cache.
_AT_ONCE = 4096


def local_fit(sources: Tensor, estimates: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """The fitted spectra of all estimates, and of each the part that its own source has in it.

    sources, estimates: complex (S, F, N), same order; window: frames, odd -> two times (S, F, N).
    """
    count = 1 + max(0, -(-(estimates.shape[-1] - window) // (window // 2)))
    bins = max(1, _AT_ONCE // count)
    pairs = zip(sources.split(bins, 1), estimates.split(bins, 1), strict=True)
    fitted = torch.cat([_fit_bins(*pair, window, count) for pair in pairs], 1)  # (2 * S, F, N)
    fits, own = fitted.split(len(sources))
    return fits, own


def _fit_bins(sources: Tensor, estimates: Tensor, window: int, count: int) -> Tensor:
    """`local_fit` of a few bins, in `count` windows: (2 * S, F, N), fits before own parts."""
    S, _, N = sources.shape
    hop, K = window // 2, S * len(LAGS)
    length = (count - 1) * hop + window
    around = F.pad(sources, (1, 1 + length - N))
    lagged = [around[..., 1 - lag : 1 - lag + length] for lag in LAGS]
    signals = [*torch.stack(lagged, 1).flatten(0, 1), *F.pad(estimates, (0, length - N))]
    windows = torch.stack(signals, 1).unfold(-1, window, hop)  # (F, K + S, n, W)
    windows = windows.transpose(1, 2).flatten(0, 1)  # (B, K + S, W), B = F * n
    inputs = windows[:, :K]
    products = inputs @ windows.mH  # (B, K, K + S)
    diagonal = products[..., :K].diagonal(dim1=1, dim2=2)  # (B, K), a view
    diagonal += _RIDGE * diagonal.mean(-1, keepdim=True) + torch.finfo(torch.float32).tiny ** 0.5
    taps = torch.linalg.solve(products[..., :K], products[..., K:]).conj()  # (B, K, S)
    of_own = torch.eye(S, device=taps.device).repeat_interleave(len(LAGS), 0)  # (K, S)
    parts = inputs.mT @ torch.cat([taps, taps * of_own], -1)  # (B, W, 2 * S)
    return _faded(parts.unflatten(0, (-1, count)), hop)[:, :N].permute(2, 0, 1)


def _faded(windows: Tensor, hop: int) -> Tensor:
    """Overlapping windows, weighed by a triangle: (F, n, W, E) -> (F, N, E)."""
    count, W = windows.shape[1:3]
    triangle = 1 - (torch.arange(W, device=windows.device) - hop).abs() / (hop + 1)  # (W,)
    triangle = triangle[:, None]
    weights = _overlapped(triangle.expand(1, count, W, 1), hop)
    return _overlapped(windows * triangle, hop) / weights


def _overlapped(windows: Tensor, hop: int) -> Tensor:
    """(F, n, W, E) -> the sums (F, (n - 1) * hop + W, E)."""
    count, W, E = windows.shape[1:]
    total = windows.new_zeros(len(windows), (count - 1) * hop + W, E)
    for start in range(0, W, hop):
        part = windows[:, :, start : start + hop]  # (F, n, hop or the rest, E)
        part = F.pad(part, (0, 0, 0, hop - part.shape[2])).flatten(1, 2)  # (F, n * hop, E)
        stop = min(start + part.shape[1], total.shape[1])
        total[:, start:stop] += part[:, : stop - start]
    return total
